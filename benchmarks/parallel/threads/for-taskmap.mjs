/*
 * Tasks of taskmap take nothing but the results of their dependencies. How much they are to do stands in the address of this module, `?amount=5`: threads
 * import it once for each amount.
 */
import * as kernels from './kernels.mjs';

const amount = Number(new URL(import.meta.url).searchParams.get('amount'));

export const nothing = (...inputs) => kernels.nothing(amount, ...inputs);
export const spin = (...inputs) => kernels.spin(amount, ...inputs);
export const block = (...inputs) => kernels.block(amount, ...inputs);
export const blockAsTold = (...inputs) => kernels.blockAsTold(amount, ...inputs);
export const wait = (...inputs) => kernels.wait(amount, ...inputs);
export const bufferMade = () => kernels.bufferMade(amount);
export const bufferMadeToMove = () => kernels.bufferMadeToMove(amount);
export const sharedMade = () => kernels.sharedMade(amount);
export const textMade = () => kernels.textMade(amount);
export const rowsMade = () => kernels.rowsMade(amount);
export const handedOn = (value) => kernels.handedOn(amount, value);
export const handedOnToMove = (value) => kernels.handedOnToMove(amount, value);
export const bufferSeen = (value) => kernels.bufferSeen(amount, value);
export const textSeen = (value) => kernels.textSeen(amount, value);
export const rowsSeen = (value) => kernels.rowsSeen(amount, value);
