/* Blocks for each of the times it is told. */
import { parentPort } from 'node:worker_threads';
import { block } from './kernels.mjs';

parentPort.on('message', (times) => {
  for (const ms of times) block(ms);
  parentPort.postMessage('done');
});
