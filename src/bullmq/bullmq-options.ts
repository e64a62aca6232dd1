import { InvalidOptionError } from '../errors.js';
import { systemClock } from '../executors/clock.js';
import type { ExecutorOptions } from '../executors/executor.js';
import { CarriedValues, type ValueOptions } from './carried-values.js';
import { JobChannel } from './job-channel.js';
import type { DispatchOptions } from './job-dispatcher.js';
import { type QueueOptions, QueueServer } from './queue-server.js';

/** How a {@link BullMQExecutor} works. */
export interface BullMQExecutorOptions extends ExecutorOptions, QueueOptions, ValueOptions {
  /**
   * What the runs of this executor are known by, besides the name of their graph. A process that begins a run of the same graph under the same `runId` takes up
   * what an earlier one has left: results are read back, what is under way is waited for. To that end the results stay in the queue until all tasks are done.
   * Default: a run cannot be taken up.
   */
  readonly runId?: string | undefined;
  /**
   * How many tasks make one job: an integer from 1 to 1000. The more, the less the queue costs, and the more runs again when a worker is lost. `'auto'`, the
   * default, puts short tasks together so that a job takes some 10 ms, and sends all others one by one.
   */
  readonly chunk?: number | 'auto' | undefined;
  /** How many tasks may be in the queue and on workers at once: an integer of 1 or more. Default 2000. */
  readonly maxInFlight?: number | undefined;
  /** How often what no event told of is looked for, in milliseconds, from 10. Default 500 on Redis, 250 on PostgreSQL. */
  readonly sweepMs?: number | undefined;
  /** Whether events of the queue are listened to. Without them everything is found by sweeps, later. Default `true`. */
  readonly events?: boolean | undefined;
  /** How long an attempt that was aborted is given to settle, in milliseconds. Default 1000. */
  readonly graceMs?: number | undefined;
  /** How long the server may be away in mid-run before the run is given up with a {@link QueueError}, in milliseconds. Default 60 000. */
  readonly serverTimeoutMs?: number | undefined;
  /** How long results stay in the queue at most, in milliseconds, should nobody clear them away. Default 24 hours. */
  readonly resultAgeMs?: number | undefined;
}

const RESULT_AGE_MS = 24 * 3_600_000;
const CHUNK_MAX = 1000;

/** What a {@link BullMQExecutor} makes of its options. */
export interface QueueAccess {
  readonly channel: JobChannel;
  readonly dispatch: DispatchOptions;
}

/** @throws {@link InvalidOptionError} */
export function queueAccess(options: BullMQExecutorOptions): QueueAccess {
  const { clock = systemClock, runId, chunk = 'auto', maxInFlight = 2000, events = true } = options;
  const server = new QueueServer(options, () => {});
  const {
    sweepMs = server.backend === 'redis' ? 500 : 250,
    serverTimeoutMs = 60_000,
    resultAgeMs = RESULT_AGE_MS,
  } = options;
  if (runId !== undefined && (typeof runId !== 'string' || runId === ''))
    throw new InvalidOptionError('runId', 'a text that is not empty', runId);
  if (chunk !== 'auto' && !isCount(chunk, CHUNK_MAX))
    throw new InvalidOptionError('chunk', `an integer from 1 to ${CHUNK_MAX}, or 'auto'`, chunk);
  if (typeof events !== 'boolean') throw new InvalidOptionError('events', 'true or false', events);
  if (!isCount(maxInFlight)) throw new InvalidOptionError('maxInFlight', 'an integer of 1 or more', maxInFlight);
  if (!(sweepMs >= 10 && Number.isFinite(sweepMs)))
    throw new InvalidOptionError('sweepMs', 'a number of milliseconds of 10 or more', sweepMs);
  for (const [name, ms] of Object.entries({ serverTimeoutMs, resultAgeMs }))
    if (!(ms >= 0 && Number.isFinite(ms)))
      throw new InvalidOptionError(name, 'a number of milliseconds of 0 or more', ms);
  return {
    channel: new JobChannel(server, resultAgeMs, events, serverTimeoutMs),
    dispatch: { clock, values: new CarriedValues(options), maxInFlight, chunk, sweepMs, serverTimeoutMs },
  };
}

function isCount(value: unknown, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max;
}
