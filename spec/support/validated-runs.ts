import { afterAll, beforeAll } from 'vitest';
import { inspectRuns } from '../../src/executors/run.js';

/** Has the schedule of every run counted anew after each of its steps, as long as the specs of this file or group run. */
export function validateRuns(): void {
  beforeAll(() => inspectRuns((schedule) => schedule.validate()));
  afterAll(() => inspectRuns(undefined));
}
