import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { refuseOtherCopy } from '../copy.js';
import { DashboardError, InvalidOptionError } from '../errors.js';
import { Executor } from '../executors/executor.js';
import type { Observed } from '../observe/observer.js';
import { Access } from './access.js';
import { EventStreams } from './event-streams.js';
import { RequestHandler } from './request-handler.js';
import { RunControl } from './run-control.js';
import { RunFeed } from './run-feed.js';

/** Where a dashboard is, what it shows, and what it may do. */
export interface DashboardOptions {
  /**
   * The port to listen on: a whole number from 0 to 65535, and 0 takes any that is free. Default: 7878, or any that is free if that one is in use; `dashboard.port`
   * tells which.
   */
  readonly port?: number | undefined;
  /**
   * The address to listen on. Default `'127.0.0.1'`, which only programs of this machine reach. On any other than a loopback address, such as `'0.0.0.0'`, a token
   * is needed: it is in `dashboard.url`.
   */
  readonly host?: string | undefined;
  /**
   * Whether the page may abort runs, and have failed tasks run again. Then all that is watched must be executors. Default `false`: whoever sees the page can look,
   * and no more.
   */
  readonly control?: boolean | undefined;
  /** So many runs that have ended are kept, the latest ones: a whole number from 1. Default 5. */
  readonly runsMax?: number | undefined;
  /** The group of a task by its name, for many tasks are shown by groups. Default: what the name begins with, `resize` for `resize:12` and `resize 12`. */
  readonly group?: ((name: string) => string) | undefined;
  /**
   * How many attempts can be under way at once: the threads, or the concurrency, of the executor, for the efficiency that is shown. Default, and the least it
   * counts for: how many were.
   */
  readonly workers?: number | undefined;
  /** Whether the process may end while the dashboard is open. Default `false`: the page can be looked at until `close()` is called. */
  readonly unref?: boolean | undefined;
}

/** A dashboard that is open. */
export interface Dashboard extends AsyncDisposable {
  /** The address of the page, with the token if one is needed: `'http://127.0.0.1:7878/'`. Where it listens on all addresses, that of this machine. */
  readonly url: string;
  /** The port that it listens on. */
  readonly port: number;
  /**
   * Ends the dashboard: whoever watches is told the last changes, then nothing more; nothing is listened to any more, and the port is free. Closing twice does
   * no harm. Runs go on.
   *
   * @returns a promise that is fulfilled once all connections are closed
   */
  close(): Promise<void>;
}

const DEFAULTS = { port: 7878, host: '127.0.0.1', runsMax: 5 } as const;
const PORT_MAX = 65_535;
/** For so long whoever sends a request, or is sent the last of the events, is waited for. */
const REQUEST_MAX_MS = 10_000;
const CHECK_INTERVAL_MS = 5000;
const CLOSE_MAX_MS = 500;
const HEADERS_MAX_BYTES = 8192;
const CONNECTIONS_MAX = 500;

/**
 * Serves a page that shows runs while they are under way: what is done, running and failed, the graph, the threads, the time left, and the errors. It listens to
 * the events of one executor or several, and changes nothing of a run, unless `control` allows whoever sees the page to abort runs and to have failed
 * tasks run again. A run that had begun before is not shown.
 *
 * The page can be looked at until `close()` is called, also when all runs have ended: an open dashboard keeps the process alive, unless `unref` is given. It keeps
 * the graphs of its last runs, and so their results.
 *
 * On its default address, any program of this machine can see the page, and those of its other users too; pages of the web cannot. On any other address, it takes
 * the token that is in `dashboard.url`; what is sent is not encrypted.
 *
 * @param executors - what is watched: an executor or several, or whatever else tells of runs by the same events
 * @throws `DashboardError` if it cannot listen: the port is in use, for example
 * @throws `InvalidOptionError`
 *
 * @example
 * import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 * import { serveDashboard } from 'taskmap-ts/dashboard';
 *
 * const executor = new AsyncExecutor();
 * const dashboard = await serveDashboard(executor, { port: 0 });
 * await executor.run(new TaskGraphBuilder({ name: 'sums' }).task('one', () => 1).build());
 * const page = await fetch(dashboard.url);
 * page.status; // => 200
 * await dashboard.close();
 */
export async function serveDashboard(
  executors: Observed | readonly Observed[],
  options: DashboardOptions = {},
): Promise<Dashboard> {
  const checked = checkedOptions(options);
  const observed = Array.isArray(executors) ? (executors as readonly Observed[]) : [executors as Observed];
  for (const one of observed)
    if (typeof one?.on !== 'function')
      throw new InvalidOptionError('executors', 'an executor, or a list of executors', one);
  const controlled = checked.control ? observed.map(executorToControl) : undefined;
  const feed = new RunFeed(checked);
  // Before anything is waited for: a run may begin at once.
  for (const one of observed) feed.listen(one);
  const control = controlled && new RunControl(feed, controlled);
  const server = createServer({
    headersTimeout: REQUEST_MAX_MS,
    requestTimeout: REQUEST_MAX_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    maxHeaderSize: HEADERS_MAX_BYTES,
  });
  server.maxConnections = CONNECTIONS_MAX;
  try {
    await listen(server, checked.host, options.port);
  } catch (error) {
    feed.close();
    control?.close();
    throw error;
  }
  return new DashboardServer(server, checked, feed, control);
}

/** The parts of a dashboard that is open. */
class DashboardServer implements Dashboard {
  readonly url: string;
  readonly port: number;
  readonly #server: Server;
  readonly #feed: RunFeed;
  readonly #streams: EventStreams;
  readonly #control: RunControl | undefined;
  #closed: Promise<void> | undefined;

  constructor(server: Server, { host, unref }: CheckedOptions, feed: RunFeed, control: RunControl | undefined) {
    const address = server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    const access = new Access(host, this.port);
    this.url = `http://${hostInUrl(host)}:${this.port}/${access.token === undefined ? '' : `?token=${access.token}`}`;
    this.#server = server;
    this.#feed = feed;
    this.#control = control;
    this.#streams = new EventStreams(feed);
    const handler = new RequestHandler({ access, streams: this.#streams, control });
    server.on('request', (request, response) => void handler.handle(request, response));
    // As where the process has too many files open: no reason to bring it down.
    server.on('error', () => {});
    if (!unref) return;
    server.unref();
    server.on('connection', (socket) => socket.unref());
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#streams.close();
    this.#feed.close();
    this.#control?.close();
    const closed = once(this.#server, 'close');
    this.#server.close();
    // Whoever does not read what is still to be sent is not waited for.
    const timer = setTimeout(() => this.#server.closeAllConnections(), CLOSE_MAX_MS);
    await closed;
    clearTimeout(timer);
  }
}

interface CheckedOptions {
  readonly host: string;
  readonly control: boolean;
  readonly runsMax: number;
  readonly group: ((name: string) => string) | undefined;
  readonly workers: number;
  readonly unref: boolean;
}

function checkedOptions(options: DashboardOptions): CheckedOptions {
  const {
    port = DEFAULTS.port,
    host = DEFAULTS.host,
    control = false,
    runsMax = DEFAULTS.runsMax,
    group,
    workers = 1,
    unref = false,
  } = options;
  if (!Number.isInteger(port) || port < 0 || port > PORT_MAX)
    throw new InvalidOptionError('port', `a whole number from 0 to ${PORT_MAX}`, port);
  if (typeof host !== 'string' || host === '')
    throw new InvalidOptionError('host', 'an address of this machine, such as 127.0.0.1', host);
  for (const [option, value] of Object.entries({ control, unref })) {
    if (typeof value !== 'boolean') throw new InvalidOptionError(option, 'true or false', value);
  }
  for (const [option, value] of Object.entries({ runsMax, workers })) {
    if (!Number.isSafeInteger(value) || value < 1) throw new InvalidOptionError(option, 'a whole number from 1', value);
  }
  if (group !== undefined && typeof group !== 'function') throw new InvalidOptionError('group', 'a function', group);
  return { host, control, runsMax, group, workers, unref };
}

function executorToControl(observed: Observed): Executor {
  if (observed instanceof Executor) return observed;
  refuseOtherCopy(observed, Executor.name);
  throw new InvalidOptionError('control', 'false, since not all that is watched are executors', true);
}

/** @param port - `undefined`: the default one, or else any that is free */
async function listen(server: Server, host: string, port: number | undefined): Promise<void> {
  try {
    await listening(server, host, port ?? DEFAULTS.port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (port === undefined && code === 'EADDRINUSE') return listen(server, host, 0);
    throw new DashboardError(port ?? DEFAULTS.port, host, code ?? 'unknown', { cause: error });
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** What a browser of this machine finds it by. */
function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
