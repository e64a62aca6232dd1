import { InvalidOptionError } from '../errors.js';
import type { AttemptRecord } from '../events.js';
import { isThenable } from '../graph/thenable.js';
import { NOT_TIMED } from './announcer.js';
import type { LiveAttempt } from './attempt.js';
import type { Clock } from './clock.js';
import { reportUncaught } from './emitter.js';

/**
 * What goes along with attempts to wherever they run, so that what a function finds around it (the active span of a trace, the tenant of a request) is
 * there inside of tasks, too. `executor.use(…)` takes it. Events tell more, and cost less, where it is enough to listen.
 */
export interface Middleware {
  /**
   * Calls an attempt that runs on the thread that called `run()`. It is to call `call`, at once, and to return what that returns: where a promise is returned,
   * the attempt lasts until it settles. What this throws, the attempt throws. Attempts on worker threads do not come through here.
   */
  around?(attempt: AttemptRecord, call: () => unknown): unknown;
  /**
   * Headers, as a request of HTTP has them, that go with an attempt to its worker thread, and that a task finds in
   * `context.headers` wherever it runs. Asked when the attempt is sent, which may be before `task:started`, and before
   * its dependencies are done. All are texts. What this throws goes to where uncaught errors go, as does an error that
   * tells of what is no text, or of a promise, and changes nothing in the run.
   */
  headers?(attempt: AttemptRecord): Readonly<Record<string, string>> | undefined;
}

type RunAttempt = (attempt: LiveAttempt) => unknown;

/**
 * A copy of headers that can be sent to any thread.
 *
 * @throws {@link InvalidOptionError}
 */
function checkedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const isPromise = isThenable(headers);
  if (isPromise) headers.then(undefined, () => {});
  // A promise has no properties of its own, and would be taken for no headers at all.
  if (typeof headers !== 'object' || isPromise)
    throw new InvalidOptionError('headers', 'a function that returns an object of texts at once', headers);
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') throw new InvalidOptionError(`headers.${name}`, 'a text', value);
    checked[name] = value;
  }
  return checked;
}

/**
 * @throws {@link InvalidOptionError}
 */
export function checkMiddleware(middleware: Middleware): void {
  const wanted = 'an object with around(attempt, call), headers(attempt) or both';
  if (typeof middleware !== 'object' || middleware === null)
    throw new InvalidOptionError('middleware', wanted, middleware);
  const { around, headers } = middleware;
  if (around === undefined && headers === undefined) throw new InvalidOptionError('middleware', wanted, middleware);
  for (const [name, given] of Object.entries({ around, headers })) {
    if (given !== undefined && typeof given !== 'function')
      throw new InvalidOptionError(`middleware.${name}`, 'a function', given);
  }
}

/** Calls an attempt through every middleware that wants it so, the one that was added first outermost. */
export function surrounded(middleware: readonly Middleware[], clock: Clock, runAttempt: RunAttempt): RunAttempt {
  return middleware.reduceRight<RunAttempt>((inner, one) => {
    if (one.around === undefined) return inner;
    return (live) => {
      const { runId, name: task, attempt, startedAtMs } = live;
      const atMs = startedAtMs === NOT_TIMED ? clock.now() : startedAtMs;
      return one.around!({ runId, atMs, task, attempt }, () => inner(live));
    };
  }, runAttempt);
}

/** The headers of all of them together; `undefined` if there will never be any. */
export function headersFrom(
  middleware: readonly Middleware[],
): ((attempt: AttemptRecord) => Readonly<Record<string, string>> | undefined) | undefined {
  const giving = middleware.filter((one) => one.headers !== undefined);
  if (giving.length === 0) return undefined;
  return (attempt) => {
    let all: Readonly<Record<string, string>> | undefined;
    for (const one of giving) {
      try {
        const headers = one.headers!(attempt);
        if (headers !== undefined && headers !== null) all = { ...all, ...checkedHeaders(headers) };
      } catch (error) {
        reportUncaught(error);
      }
    }
    return all;
  };
}
