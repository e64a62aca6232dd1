import type { Executor } from './executor.js';

/** The stack of whoever called `run()` or `runTask()` of an executor, to go below that of an error from elsewhere. */
export function callersStack({ run, runTask }: Executor): string {
  for (const method of [run, runTask]) {
    const here: { stack?: string } = {};
    Error.captureStackTrace(here, method);
    const frames = here.stack?.slice(here.stack.indexOf('\n'));
    if (frames?.includes('\n')) return `\n    --- on the thread that called ${method.name}() ---${frames}`;
  }
  return '';
}
