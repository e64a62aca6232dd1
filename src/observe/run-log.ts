import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { escaped, InvalidOptionError, RunLogError } from '../errors.js';
import type { UntypedEvents } from '../events.js';
import type { TaskMeta } from '../graph/task-meta.js';
import {
  ENTRY_BY_EVENT,
  LEVEL_BY_EVENT,
  LEVEL_NUMBERS,
  type LogEntry,
  type LogLevel,
  levelOf,
  loggedError,
} from './log-lines.js';
import { type EventListeners, type Observed, Observer } from './observer.js';

/** Where log lines can go instead of to a file: pino, or anything with these methods. Each is called with the fields of a line, then with its message. */
export interface RunLogger {
  /** Left out, what is of this level is not logged. */
  debug?(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a run log writes, wherever to. */
export interface RunLogSettings {
  /** What the program is called in the lines of a file. Default `'taskmap'`. A logger has a name of its own. */
  readonly name?: string | undefined;
  /**
   * What is less than this is not written. `'debug'`: everything. `'info'`, the default: all but `task:progress`.
   * `'warn'`: retries, interruptions, failures, and runs that were ended early. `'error'`: failures, and runs that
   * broke off. From a log above `'info'` nobody can tell what is in progress.
   */
  readonly level?: LogLevel | undefined;
  /** Told of the first line that cannot be written. Default: a warning of the process. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A log goes to a file, or to a logger. */
export type RunLogOptions = RunLogSettings &
  (
    | {
        /** The file. It is made if it is not there; if it is, lines are added to it. Its folder must exist. */
        readonly path: string;
        readonly logger?: undefined;
      }
    | {
        /** The logger. */
        readonly logger: RunLogger;
        readonly path?: undefined;
      }
  );

const EVENTS = Object.keys(LEVEL_BY_EVENT) as (keyof UntypedEvents)[];
const LINE_END = 0x0a;

/**
 * Writes down what happens: a line of JSON for each event, in the shape of [pino](https://getpino.io), so that its tools read it. Each line is with the
 * operating system before the run goes on. So whatever becomes of the process, the log tells what it was doing: see {@link readRunLog}.
 *
 * A line that cannot be written, because a disk is full for example, is lost and disturbs no run.
 *
 * @example
 * import { readRunLog, RunLog, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 * import { rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const path = join(tmpdir(), `run-${process.pid}.ndjson`);
 * const executor = new SyncExecutor();
 * const log = new RunLog({ path, name: 'nightly' }).listen(executor);
 * executor.run(new TaskGraphBuilder({ name: 'sums' }).task('one', () => 1).build());
 * log.close();
 * readRunLog(path).done.map(({ task }) => task); // => ['one']
 * rmSync(path);
 */
export class RunLog extends Observer {
  protected override readonly listeners: EventListeners;
  readonly #write: (entry: LogEntry) => void;
  readonly #onError: (error: unknown) => void;
  readonly #file: LogFile | undefined;
  #failed = false;

  /**
   * @throws {@link RunLogError} if the file cannot be written
   * @throws {@link InvalidOptionError}
   */
  constructor(options: RunLogOptions) {
    super();
    const { path, logger, name = 'taskmap', level = 'info', onError } = options;
    if (!Object.hasOwn(LEVEL_NUMBERS, level))
      throw new InvalidOptionError('level', "'debug', 'info', 'warn' or 'error'", level);
    if (onError !== undefined && typeof onError !== 'function')
      throw new InvalidOptionError('onError', 'a function', onError);
    if ((path === undefined) === (logger === undefined))
      throw new InvalidOptionError('path', 'given, or `logger`, and not both', path);
    this.#onError = onError ?? ((error) => process.emitWarning(error as Error));
    if (logger === undefined) {
      this.#file = new LogFile(path, name);
      this.#write = (entry) => this.#file?.append(entry);
    } else {
      for (const method of ['info', 'warn', 'error'] as const) {
        if (typeof logger[method] !== 'function')
          throw new InvalidOptionError('logger', 'an object with the methods info, warn and error', logger);
      }
      this.#write = (entry) => tell(logger, entry);
    }
    const levelMin = LEVEL_NUMBERS[level];
    // What matters less is not listened to, so nothing is measured for it. How much the end of a run matters is known only once it is there.
    const isHeard = (event: keyof UntypedEvents) =>
      event === 'run:finished' || LEVEL_NUMBERS[LEVEL_BY_EVENT[event]] >= levelMin;
    this.listeners = Object.fromEntries(
      EVENTS.filter(isHeard).map((event) => [
        event,
        (record: UntypedEvents[typeof event][0]) => this.#log(event, record, levelMin),
      ]),
    );
  }

  /** @throws {@link RunLogError} if the log is closed */
  override listen(executor: Observed): this {
    if (this.#file?.isClosed)
      throw new RunLogError(this.#file.path, 'written: it is closed', 'Make a new RunLog to go on with the file.');
    return super.listen(executor);
  }

  /** Listens to nothing any more, and closes the file. */
  override close(): void {
    super.close();
    this.#file?.close();
  }

  #log(event: keyof UntypedEvents, record: UntypedEvents[typeof event][0], levelMin: number): void {
    const level = levelOf(event, record);
    if (LEVEL_NUMBERS[level] < levelMin) return;
    try {
      const { fields, msg } = (ENTRY_BY_EVENT[event] as (of: typeof record) => Pick<LogEntry, 'fields' | 'msg'>)(
        record,
      );
      const { meta } = record as { readonly meta?: TaskMeta };
      const told = meta === undefined ? fields : { ...fields, meta };
      this.#write({ event, level, runId: record.runId, atMs: record.atMs, fields: told, msg });
    } catch (error) {
      // Once is enough: a disk that is full stays so for many lines.
      if (this.#failed) return;
      this.#failed = true;
      this.#onError(error);
    }
  }
}

function tell(logger: RunLogger, { event, level, runId, fields, msg }: LogEntry): void {
  const all = { runId, event, ...fields };
  if (level === 'debug') logger.debug?.(all, msg);
  else logger[level](all, msg);
}

/** A file to which whole lines are added. */
class LogFile {
  readonly path: string;
  readonly #fixedFields: string;
  #file: number | undefined;
  /** The file ends within a line: its writer was killed, or the disk was full. */
  #torn: boolean;

  constructor(path: string, name: string) {
    if (typeof path !== 'string') throw new InvalidOptionError('path', 'the path of a file', path);
    if (typeof name !== 'string') throw new InvalidOptionError('name', 'a string', name);
    this.path = path;
    this.#fixedFields = `"pid":${process.pid},"hostname":${JSON.stringify(hostname())},"name":${JSON.stringify(name)}`;
    try {
      this.#file = openSync(path, 'a');
    } catch (error) {
      throw new RunLogError(path, 'written', 'Give a file in a folder that exists and that may be written to.', {
        cause: error,
      });
    }
    this.#torn = endsWithinLine(path, this.#file);
  }

  get isClosed(): boolean {
    return this.#file === undefined;
  }

  append({ event, level, runId, atMs, fields, msg }: LogEntry): void {
    if (this.#file === undefined) return;
    const logged = 'err' in fields ? { ...fields, err: loggedError(fields['err']) } : fields;
    // The fields are no empty object: after its opening brace, more of it follows.
    const rest = JSON.stringify(logged).slice(1, -1);
    const head = `{"level":${LEVEL_NUMBERS[level]},"time":${Math.floor(atMs)},${this.#fixedFields},"runId":${JSON.stringify(runId)},"event":"${event}"`;
    // JSON leaves characters as they are that a terminal takes for commands. Within its strings, an escape means the
    // same.
    const line = escaped(`${head},${rest},"msg":${JSON.stringify(msg)}}`);
    try {
      this.#writeWhole(this.#file, `${this.#torn ? '\n' : ''}${line}\n`);
    } catch (error) {
      throw new RunLogError(this.path, 'written', 'Lines are missing from here on, until it can be.', { cause: error });
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** The system may take less than it was given, and says so only by the number that it returns. */
  #writeWhole(file: number, line: string): void {
    const length = Buffer.byteLength(line);
    let written = writeSync(file, line);
    this.#torn = written < length;
    while (written < length) written += writeSync(file, Buffer.from(line), written);
    this.#torn = false;
  }
}

function endsWithinLine(path: string, file: number): boolean {
  const status = fstatSync(file);
  // Pipes and terminals have no end that could be looked at.
  if (!status.isFile() || status.size === 0) return false;
  let readable: number | undefined;
  try {
    readable = openSync(path, 'r');
    const last = Buffer.alloc(1);
    readSync(readable, last, 0, 1, status.size - 1);
    return last[0] !== LINE_END;
  } catch {
    // A file that may only be written. An empty line does no harm.
    return true;
  } finally {
    if (readable !== undefined) closeSync(readable);
  }
}
