/* The script that threads of workerpool run. */
import workerpool from 'workerpool';
import * as kernels from './kernels.mjs';

const { sink: _, ...functions } = kernels;
workerpool.worker(functions);
