/* piscina and tinypool hand a function one argument: here the amount and the inputs in an array. */
import * as kernels from './kernels.mjs';

export const nothing = (args) => kernels.nothing(...args);
export const spin = (args) => kernels.spin(...args);
export const block = (args) => kernels.block(...args);
export const blockAsTold = (args) => kernels.blockAsTold(...args);
export const wait = (args) => kernels.wait(...args);
export const constant = (args) => kernels.constant(...args);
export const bufferMade = (args) => kernels.bufferMade(...args);
export const sharedMade = (args) => kernels.sharedMade(...args);
export const textMade = (args) => kernels.textMade(...args);
export const rowsMade = (args) => kernels.rowsMade(...args);
export const handedOn = (args) => kernels.handedOn(...args);
export const bufferSeen = (args) => kernels.bufferSeen(...args);
export const textSeen = (args) => kernels.textSeen(...args);
export const rowsSeen = (args) => kernels.rowsSeen(...args);
