/* The script that threads of workerpool run. */
import workerpool from 'workerpool';
import * as kernels from './kernels.mjs';

const { nothing, spin, block, blockAsTold, constant, bufferMade, sharedMade, textMade, rowsMade, handedOn, bufferSeen, textSeen, rowsSeen } = kernels;
workerpool.worker({
  nothing,
  spin,
  block,
  blockAsTold,
  constant,
  bufferMade,
  sharedMade,
  textMade,
  rowsMade,
  handedOn,
  bufferSeen,
  textSeen,
  rowsSeen,
});
