import type { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createPostgresBackend,
  isRedisInstance,
  Queue,
  QueueEvents,
  Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq';
import { described, InvalidOptionError, QueueError } from '../errors.js';

/** Where a queue is. */
export interface QueueOptions {
  /**
   * The server: a URL, `redis://…`, `rediss://…` or `postgres://…`, or an object of options as BullMQ takes them for that server. Credentials and TLS are said
   * here.
   */
  readonly connection: string | object;
  /** What kind of server it is. Default: what the URL says; for an object `'redis'`. */
  readonly backend?: 'redis' | 'postgres' | undefined;
  /** The name of the queue, which executors and workers have in common: letters, digits, `-`, `_` and `.`. Default `'taskmap'`. */
  readonly queue?: string | undefined;
  /** What the keys of the queue begin with on Redis; on a cluster in braces. Default `'bull'`, as BullMQ has it. */
  readonly prefix?: string | undefined;
}

/** What a job is for: tasks that compute, or tasks that wait. Each has a queue of its own, so that neither takes the room of the other. */
export type JobKind = 'cpu' | 'io';

export const JOB_KINDS: readonly JobKind[] = ['cpu', 'io'];

export type AnyQueue = Queue<any, any, string, any, any, string, any, any>;
export type AnyWorker = Worker<any, any, string, any, any, any>;
export type AnyEvents = QueueEvents<any, any, any>;

/** Something of BullMQ with a connection. */
interface Client {
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
  readonly backend: { close(force?: boolean): Promise<unknown> };
  waitUntilReady(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** What is looked at of the options of a connection to Redis. */
interface RedisOptions {
  readonly url?: string;
  /** After how many milliseconds to try again; not at all if it returns no number. */
  readonly retryStrategy?: (times: number) => number | null | undefined;
}

/** A connection to PostgreSQL. */
interface PgClient {
  on(event: 'error', listener: () => void): unknown;
}

/** What {@link closed} closes. */
export interface Closable {
  close(): Promise<unknown>;
  disconnect?(): Promise<unknown>;
}

type BackendClasses = {
  readonly Queue: new (name: string, options: object) => AnyQueue;
  readonly Worker: new (name: string, processor: Processor, options: object) => AnyWorker;
  readonly QueueEvents: new (name: string, options: object) => AnyEvents;
};

/** What a worker does with a job; what it returns is the job's return value. */
export type Processor = (job: any, token: string | undefined) => Promise<unknown>;

/** So long a server is waited for that does not answer, in milliseconds. */
const CONNECT_MS = 5000;
const CONNECT_AGAIN_MS = 200;
/** So long at most until a connection to Redis that was lost is tried again, in milliseconds. */
export const RECONNECT_MAX_MS = 2000;
/** Events are a wake-up, and each of them holds a return value. */
const EVENTS_MAX = 1000;
/** A connection whose server is away is given so long to be closed in good order, in milliseconds. */
export const CLOSE_MS = 1000;
const QUEUE_NAME = /^[\w.-]{1,100}$/;
/** Each part of the executor has connections of its own, and few requests at once. */
const POSTGRES_POOL_MAX = 4;

/**
 * Opens what is needed of a queue on its server: the one place that knows BullMQ.
 *
 * ```
 *   executor ── Queue taskmap.cpu, taskmap.io ──► server ──► Worker taskmap.cpu, taskmap.io ── worker
 *            ◄─ QueueEvents of both                      ──► QueueEvents taskmap.control ◄── what is to be cancelled
 * ```
 */
export class QueueServer {
  readonly backend: 'redis' | 'postgres';
  readonly #queue: string;
  readonly #classes: BackendClasses;
  readonly #options: object;
  readonly #onError: (error: unknown) => void;
  #hasGivenUp = false;

  /**
   * @param onError - hears of connections that are lost; BullMQ makes them again
   * @throws {@link InvalidOptionError}
   */
  constructor({ connection, backend, queue = 'taskmap', prefix }: QueueOptions, onError: (error: unknown) => void) {
    const isUrl = typeof connection === 'string' && /^(rediss?|postgres(ql)?):\/\//.test(connection);
    if (!isUrl && (typeof connection !== 'object' || connection === null)) {
      const shown = typeof connection === 'string' ? connection.replace(/\/\/[^@]*@/, '//…@') : connection;
      throw new InvalidOptionError(
        'connection',
        "a URL that begins with redis://, rediss:// or postgres://, or an object of BullMQ's options",
        shown,
      );
    }
    this.backend =
      backend ?? (typeof connection === 'string' && connection.startsWith('postgres') ? 'postgres' : 'redis');
    if (this.backend !== 'redis' && this.backend !== 'postgres')
      throw new InvalidOptionError('backend', "'redis' or 'postgres'", backend);
    if (typeof queue !== 'string' || !QUEUE_NAME.test(queue))
      throw new InvalidOptionError('queue', 'up to 100 letters, digits, hyphens, underscores and dots', queue);
    if (prefix !== undefined && (typeof prefix !== 'string' || prefix === ''))
      throw new InvalidOptionError('prefix', 'a text that is not empty', prefix);
    this.#queue = queue;
    this.#onError = onError;
    const classes =
      this.backend === 'postgres' ? withBackend(createSafePostgresBackend) : { Queue, QueueEvents, Worker };
    this.#classes = classes as unknown as BackendClasses;
    this.#options = {
      connection: this.backend === 'postgres' ? postgresOptions(connection) : this.#redisOptions(connection),
      ...(prefix === undefined ? {} : { prefix }),
    };
  }

  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** Connections that are lost are not made again, and what waits for them fails: after {@link RECONNECT_MAX_MS} at most. */
  giveUp(): void {
    this.#hasGivenUp = true;
  }

  name(kind: JobKind | 'control'): string {
    return `${this.#queue}.${kind}`;
  }

  queue(kind: JobKind | 'control'): Promise<AnyQueue> {
    const options = { ...this.#options, streams: { events: { maxLen: EVENTS_MAX } } };
    return this.#opened(() => new this.#classes.Queue(this.name(kind), options));
  }

  events(kind: JobKind | 'control'): Promise<AnyEvents> {
    return this.#opened(() => new this.#classes.QueueEvents(this.name(kind), this.#options));
  }

  /** A worker that has not begun to take jobs: `run()` begins. */
  worker(kind: JobKind, processor: Processor, options: Omit<WorkerOptions, 'connection'>): Promise<AnyWorker> {
    return this.#opened(
      () => new this.#classes.Worker(this.name(kind), processor, { ...this.#options, ...options, autorun: false }),
    );
  }

  #redisOptions(connection: string | object): object {
    if (isRedisInstance(connection)) return connection;
    const options: RedisOptions = typeof connection === 'string' ? { url: connection } : connection;
    const { retryStrategy = (times) => times * CONNECT_AGAIN_MS } = options;
    return {
      ...options,
      retryStrategy: (times: number) => {
        const ms = this.#hasGivenUp ? null : retryStrategy(times);
        return typeof ms === 'number' ? Math.min(ms, RECONNECT_MAX_MS) : ms;
      },
    };
  }

  /**
   * Makes it until it is connected: on PostgreSQL, what could not connect at once never will.
   *
   * @throws {@link QueueError}
   */
  async #opened<C extends Client>(make: () => C): Promise<C> {
    const untilMs = Date.now() + CONNECT_MS;
    for (;;) {
      const client = make();
      client.on('error', (error) => this.#onError(error));
      try {
        await whenReady(client, untilMs - Date.now());
        return client;
      } catch (error) {
        // By itself it closes only once it is connected, and keeps the process alive till then.
        void client.backend.close(true).catch(() => {});
        void client.close().catch(() => {});
        if (!isAway(error) || Date.now() + CONNECT_AGAIN_MS > untilMs) throw queueError(error);
        await delay(CONNECT_AGAIN_MS);
      }
    }
  }
}

/** Closes a connection in good order; one to a server that is away would wait for it. */
export async function closed(client: Closable): Promise<void> {
  await inTime(client.close(), CLOSE_MS).catch(() => {
    void client.disconnect?.().catch(() => {});
  });
}

/** @throws Error with the code `ETIMEDOUT` if nothing is heard for so long. */
export function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(Object.assign(new Error('It does not answer'), { code: 'ETIMEDOUT' })), ms);
    answer.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}

/** Rejected with the first error that no waiting helps against, or with the last one once the time is up. */
function whenReady(client: Client, leftMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let last: unknown = Object.assign(new Error('It does not answer.'), { code: 'ETIMEDOUT' });
    const onError = (error: unknown) => {
      last = error;
      if (!isAway(error)) end(() => reject(error));
    };
    const end = (settle: () => void) => {
      clearTimeout(timer);
      client.off('error', onError);
      settle();
    };
    const timer = setTimeout(() => end(() => reject(last)), leftMs);
    client.on('error', onError);
    client.waitUntilReady().then(
      () => end(resolve),
      (error) => end(() => reject(error)),
    );
  });
}

function postgresOptions(connection: string | object): object {
  if (typeof connection === 'string') return { connectionString: connection, migrate: true, max: POSTGRES_POOL_MAX };
  // A pool of the user's own says nothing of migrations.
  const isPool = typeof (connection as { query?: unknown }).query === 'function';
  return isPool || 'migrate' in connection || 'skipMigrations' in connection
    ? connection
    : { max: POSTGRES_POOL_MAX, ...connection, migrate: true };
}

/**
 * A server that shuts down tells an error to each of its clients, and the process ends if nobody listens to it. Nobody does while BullMQ closes what hears of
 * new jobs, nor where it has a client of the pool for itself.
 */
const createSafePostgresBackend: typeof createPostgresBackend = (...args) => {
  const backend = createPostgresBackend(...args);
  const { connection } = backend;
  const pool = connection.pool as unknown as EventEmitter;
  // A pool of the user's own comes here for each queue.
  if (!pool.listeners('connect').includes(ignoreErrors)) pool.on('connect', ignoreErrors);

  const listen = connection.getListenClient.bind(connection);
  const close = connection.close.bind(connection);
  let listening: PgClient | undefined;
  connection.getListenClient = async () => {
    const client = await listen();
    if (listening !== client) ignoreErrors(client);
    listening = client;
    return client;
  };
  connection.close = () => {
    const closing = close();
    // By now it has no listeners any more.
    if (listening !== undefined) ignoreErrors(listening);
    return closing;
  };
  return backend;
};

/** Whoever asked for something hears of the error as well. */
function ignoreErrors(client: PgClient): void {
  client.on('error', () => {});
}

const AWAY_CODES: ReadonlySet<unknown> = new Set([
  ...[
    'ECONNREFUSED',
    'ECONNRESET',
    'ENOTFOUND',
    'EAI_AGAIN',
    'ETIMEDOUT',
    'EPIPE',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ECONNABORTED',
    'ENOENT',
  ],
  // PostgreSQL: shutting down, crashed, starting up, connection lost.
  ...['57P01', '57P02', '57P03', '08000', '08003', '08006'],
]);
const AWAY_TEXT =
  /^(connection is closed|connection terminated|reached the max retries per request|loading |client has encountered a connection)/i;

/** Whether the server is not there for the moment: whoever waits may be lucky. */
export function isAway(error: unknown): boolean {
  const { code, message, errors } = (error ?? {}) as {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly errors?: unknown;
  };
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isAway);
  return AWAY_CODES.has(code) || (typeof message === 'string' && AWAY_TEXT.test(message));
}

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /WRONGPASS|NOAUTH|NOPERM|invalid password|28P01|28000|authentication/i,
    'Check user, password and rights in the `connection` option.',
  ],
  [
    /OOM|53100|53200|No space left/i,
    'The server is full: give it more memory or disk, or give results that are large to a `valueStore`.',
  ],
  [
    /53300|too many (connections|clients)/i,
    'The server takes no more connections: raise its limit, or start fewer workers.',
  ],
  [/3D000/, 'Create the database, or name another one in the `connection` option.'],
  [/READONLY/, 'It is a replica: connect to the primary.'],
  [/MISCONF/, 'The server cannot write to its disk: see its log.'],
];

/** What the server said, with what to do about it. */
export function queueError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  if (isAway(error)) {
    return new QueueError(
      `The server of the queue cannot be reached: ${describedWhole(error)}. Start it, or check the \`connection\` option.`,
      {
        cause: error,
      },
    );
  }
  const said = `${String((error as { code?: unknown } | undefined)?.code ?? '')} ${describedWhole(error)}`;
  const advice = ADVICE.find(([pattern]) => pattern.test(said))?.[1] ?? 'See the cause of this error.';
  return new QueueError(`The server of the queue refuses: ${describedWhole(error)}. ${advice}`, { cause: error });
}

/** An error that holds several, as of a host with several addresses, has no message of its own. */
function describedWhole(error: unknown): string {
  const { message, errors, code } = (error ?? {}) as {
    readonly message?: unknown;
    readonly errors?: readonly unknown[];
    readonly code?: unknown;
  };
  if (message === '' && Array.isArray(errors) && errors.length > 0) return describedWhole(errors[0]);
  return message === '' && typeof code === 'string'
    ? code
    : described(error)
        .replace(/^Error: /, '')
        .replace(/\.$/, '');
}
