/** What processes are asked to do. */

import { createHash } from 'node:crypto';

export const hash = (): Uint8Array => createHash('sha256').update('apple').digest();
export const short = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').slice(0, 8);
export const long = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
/** Kills its process, as a lack of memory does. */
export const poison = (): unknown => process.kill(process.pid, 'SIGKILL');
