import { beforeAll, beforeEach, describe, vi } from 'vitest';
import { HttpExecutor } from '../../examples/http-place/http-executor.js';
import { build, builtFile } from '../support/built.js';
import { OF_BYTES, OF_IDENTITY, OF_THE_MOMENT, OF_TIME } from './elsewhere.js';
import { executorContract } from './executor.contract.js';
import { calledBack, callFor, FORK_OPTIONS } from './http-place/closures.js';

const PROGRAM = 'examples/http-place/process.ts';

// A process of its own, compiled, and able to have closures called here.
vi.mock('node:child_process', async (original) => {
  const actual = await original<typeof import('node:child_process')>();
  return { ...actual, fork: () => callFor(actual.fork(builtFile(PROGRAM), FORK_OPTIONS)) };
});

/** What the contract says of functions that are no exports of modules. */
const OF_FUNCTIONS: readonly string[] = [
  // The other is a closure, which is refused.
  'calls the function that replaced another',
  'has a replaced function run once its task is reset',
  // All have the text of taskModule().
  'looks at the text of functions unless it is told not to',
  'runs a bound function again where it is to look at the text of functions',
];

/** What it says of time that stands still. Here it passes, while a process is on its way with something. */
const OF_TIME_HERE: readonly string[] = ['let an attempt pass that takes less'];

/** What it says of thenables that are asked once: each of the two processes asks. */
const OF_THENABLES: readonly string[] = [
  'settle a task once: one that has a `then` only the first time it is asked for',
];

/** What it says of arguments that cannot be read: to this place they are arguments that cannot be sent. */
const OF_ARGUMENTS: readonly string[] = [
  'whose bytes cannot be read fails the task that takes them if another has begun that waited for it',
];

const NOT_BY_HTTP: ReadonlySet<string> = new Set([
  ...[...OF_FUNCTIONS, ...OF_TIME_HERE, ...OF_THENABLES, ...OF_ARGUMENTS],
  ...[...OF_TIME, ...OF_IDENTITY, ...OF_THE_MOMENT, ...OF_BYTES],
]);

describe('by HTTP', () => {
  beforeAll(() => build(PROGRAM, 'spec/contract/http-place/calling.ts'));
  beforeEach(({ task, skip }) => {
    if (NOT_BY_HTTP.has(task.name)) skip();
  });
  executorContract({
    name: 'HttpExecutor',
    isAsync: true,
    sendable: calledBack,
    make: (options) => new HttpExecutor({ processes: 1, ...options }),
  });
});
