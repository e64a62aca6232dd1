const NAME_LENGTH_SHOWN = 60;
const LINES_SHOWN = 50;
const LINE_LENGTH_SHOWN = 300;
const CYCLE_TASKS_SHOWN = 12;

/** A task name as messages show it: in double quotes, control characters escaped, the middle of a very long one left out. */
export function quoted(name: string): string {
  const half = NAME_LENGTH_SHOWN / 2;
  const shown = name.length <= NAME_LENGTH_SHOWN ? name : `${name.slice(0, half)}…${name.slice(-half)}`;
  return escaped(JSON.stringify(shown));
}

/**
 * What a terminal would take for a command, or what turns the direction of a line. Joiners stay: emoji and some scripts
 * need them.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNPRINTABLE = /[\0-\x1f\x7f-\x9f\u2028\u2029]|(?![\u200c\u200d])\p{Cf}/gu;

/**
 * A text of one line in which nothing but characters is left: what is none stands as an escape of JSON and JavaScript.
 */
export function escaped(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** Any thrown value as one short line. */
export function described(value: unknown): string {
  try {
    if (value instanceof Error) return escaped(oneLine(`${value.name}: ${value.message}`));
    if (typeof value === 'string') return quoted(value);
    if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
    if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value);
    return String(value);
  } catch {
    return 'a value that cannot be shown';
  }
}

function oneLine(text: string): string {
  const end = text.search(/[\r\n]/);
  const line = end < 0 ? text : text.slice(0, end);
  return line.length < text.length || line.length > LINE_LENGTH_SHOWN ? `${line.slice(0, LINE_LENGTH_SHOWN)}…` : line;
}

/**
 * The base of every error that taskmap makes. What a task itself throws is never wrapped: it arrives as it was thrown.
 *
 * @example
 * import { SyncExecutor, TaskGraphBuilder, TaskmapError } from 'taskmap-ts';
 *
 * const graph = new TaskGraphBuilder().task('rows', () => [1, 2]).build();
 * try {
 *   graph.result('rows');
 * } catch (error) {
 *   error instanceof TaskmapError && error.code; // => 'result-unavailable'
 * }
 * new SyncExecutor().run(graph);
 */
export abstract class TaskmapError extends Error {
  /** The kind of error: one stable word for each class. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A graph that cannot be built. Thrown by `build()`, with every problem that was found, not only the first. */
export class InvalidGraphError extends TaskmapError {
  readonly code = 'invalid-graph';
  /** One error for each problem: cycles, missing dependencies, duplicates, missing functions, options out of range. */
  readonly problems: readonly TaskmapError[];

  constructor(graph: string, problems: readonly TaskmapError[], note = '') {
    const lines = problems.slice(0, LINES_SHOWN).map((problem) => `\n  - ${problem.message}`);
    const rest = problems.length - lines.length;
    if (rest > 0) lines.push(`\n  … and ${rest} more in error.problems`);
    if (note !== '') lines.push(`\n${note}`);
    super(
      `Graph ${quoted(graph)} has ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}:${lines.join('')}`,
      {
        cause: problems[0],
      },
    );
    this.problems = problems;
  }
}

/** Tasks that wait for each other in a circle, so that none of them can ever start. */
export class CycleError extends TaskmapError {
  readonly code = 'cycle';
  /** The closed path: each task needs the one before it, and the first name is also the last. */
  readonly cycle: readonly string[];

  constructor(cycle: readonly string[]) {
    const left = cycle.length - CYCLE_TASKS_SHOWN;
    const shown =
      left <= 0
        ? cycle.map(quoted)
        : [...cycle.slice(0, CYCLE_TASKS_SHOWN - 2).map(quoted), `(${left + 1} more)`, ...cycle.slice(-1).map(quoted)];
    super(`Tasks wait for each other: ${shown.join(' → ')}. Drop one of these dependencies.`);
    this.cycle = cycle;
  }
}

/** A task depends on a name that is not in the graph. */
export class MissingDependencyError extends TaskmapError {
  readonly code = 'missing-dependency';
  readonly task: string;
  readonly dependency: string;
  /** The existing name that looks most like the missing one, if any does. */
  readonly nearest: string | undefined;

  constructor(task: string, dependency: string, nearest?: string) {
    const hint = nearest === undefined ? '' : ` Did you mean ${quoted(nearest)}?`;
    super(
      `Task ${quoted(task)} depends on ${quoted(dependency)}, which is not in the graph.${hint} Add .task(${quoted(dependency)}, …) or drop the dependency.`,
    );
    this.task = task;
    this.dependency = dependency;
    this.nearest = nearest;
  }
}

/** Two tasks of one graph have the same name. */
export class DuplicateTaskError extends TaskmapError {
  readonly code = 'duplicate-task';
  readonly task: string;

  constructor(task: string) {
    super(`Task ${quoted(task)} is added more than once. Give each task a name of its own.`);
    this.task = task;
  }
}

/** A task was named but never given a function. */
export class MissingFunctionError extends TaskmapError {
  readonly code = 'missing-function';
  readonly task: string;

  constructor(task: string) {
    super(`Task ${quoted(task)} has no function. Call .run(fn) on it, or add it as .task(${quoted(task)}, fn).`);
    this.task = task;
  }
}

/** An option is not of the kind or in the range that it must be. Thrown where the option is given. */
export class InvalidOptionError extends TaskmapError {
  readonly code = 'invalid-option';
  /** The option's name. */
  readonly option: string;
  /** What was given. */
  readonly value: unknown;

  constructor(option: string, expected: string, value: unknown, task?: string) {
    const where = task === undefined ? '' : ` of task ${quoted(task)}`;
    super(`Expected \`${option}\`${where} to be ${expected}, got ${described(value)}.`);
    this.option = option;
    this.value = value;
  }
}

/** A name that is not in the graph was asked for. */
export class UnknownTaskError extends TaskmapError {
  readonly code = 'unknown-task';
  readonly task: string;
  /** The existing name that looks most like it, if any does. */
  readonly nearest: string | undefined;

  constructor(task: string, graph: string, nearest?: string) {
    const hint = nearest === undefined ? 'graph.names() lists those that are.' : `Did you mean ${quoted(nearest)}?`;
    super(`Task ${quoted(task)} is not in graph ${quoted(graph)}. ${hint}`);
    this.task = task;
    this.nearest = nearest;
  }
}

/** The result of a task that is not done was asked for. */
export class ResultUnavailableError extends TaskmapError {
  readonly code = 'result-unavailable';
  readonly task: string;
  readonly status: 'pending' | 'running' | 'failed' | 'skipped';

  constructor(task: string, status: ResultUnavailableError['status'], advice: string, options?: ErrorOptions) {
    super(`Task ${quoted(task)} has no result: it is ${status}. ${advice}`, options);
    this.task = task;
    this.status = status;
  }
}

/** A graph that is being run was to be changed, or run a second time. */
export class GraphBusyError extends TaskmapError {
  readonly code = 'graph-busy';
  readonly graph: string;

  constructor(graph: string, action: string) {
    super(
      `Cannot ${action} graph ${quoted(graph)} while it is being run. Wait until run() has settled, or build() a second graph.`,
    );
    this.graph = graph;
  }
}

/** One loaded copy of the package. */
export interface Copy {
  /** As in its package.json. */
  readonly version: string;
  /** The address of one of its files. */
  readonly url: string;
}

/**
 * The program has loaded two copies of taskmap-ts, and one was given what the other has made. Graphs of one run on
 * executors of the other if both are of one version; nothing else can be shared.
 */
export class TwoCopiesError extends TaskmapError {
  readonly code = 'two-copies';
  /** The copy that was given something. */
  readonly own: Copy;
  /** The copy that has made it; `undefined` if that does not say so. */
  readonly other: Copy | undefined;

  constructor(what: string, own: Copy, other: Copy | undefined) {
    const from =
      other === undefined
        ? 'another copy of taskmap-ts, of an earlier version'
        : `the copy of taskmap-ts ${other.version} at ${other.url}`;
    const problem = `This ${what} was made by ${from}, and given to the copy ${own.version} at ${own.url}`;
    const advice =
      'by one version for all packages that depend on it, or by `dedupe` of the package manager or the bundler';
    super(`${problem}: the program has loaded two copies. Have it load one, ${advice}.`);
    this.own = own;
    this.other = other;
  }
}

/** An attempt took longer than its task allows. */
export class TaskTimeoutError extends TaskmapError {
  readonly code = 'task-timeout';
  readonly task: string;
  /** The attempt that was too slow, counted from 1. */
  readonly attempt: number;
  /** What the task allows, in milliseconds. */
  readonly timeoutMs: number;

  constructor(task: string, attempt: number, timeoutMs: number, options?: ErrorOptions) {
    super(
      `Task ${quoted(task)} took longer than ${timeoutMs} ms in attempt ${attempt}. Allow more with .timeout(ms), or let the function watch context.signal.`,
      options,
    );
    this.task = task;
    this.attempt = attempt;
    this.timeoutMs = timeoutMs;
  }
}

/** A task returned a promise to an executor that waits for none. */
export class AsyncTaskError extends TaskmapError {
  readonly code = 'async-task';
  readonly task: string;

  constructor(task: string, what = 'returned a promise') {
    super(`Task ${quoted(task)} ${what}, which SyncExecutor does not wait for. Run this graph with AsyncExecutor.`);
    this.task = task;
  }
}

/** What does not fit in a value, by a schema. */
export interface SchemaIssue {
  /** What the schema says of it. */
  readonly message: string;
  /** Where it is: the names and indices that lead to it, from the whole value on. */
  readonly path: readonly PropertyKey[];
}

/** A task returned what does not fit the schema that `.returns()` gave it. */
export class SchemaError extends TaskmapError {
  readonly code = 'schema';
  readonly task: string;
  /** All that the schema had to say of the result. */
  readonly issues: readonly SchemaIssue[];

  constructor(task: string, issues: readonly SchemaIssue[]) {
    super(`Task ${quoted(task)} returned what does not fit its schema: ${issuesText(issues)}`);
    this.task = task;
    this.issues = issues;
  }
}

/** The first issues in a line: `result.rows[3].id: Expected a number`. */
export function issuesText(issues: readonly SchemaIssue[]): string {
  const texts = issues
    .slice(0, LINES_SHOWN)
    .map(({ message, path }) => `${path.reduce(withKey, 'result')}: ${message}`);
  const rest = issues.length - texts.length;
  return texts.join('; ') + (rest > 0 ? `; and ${rest} more` : '');
}

function withKey(above: string, key: PropertyKey): string {
  if (typeof key === 'string' && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `${above}.${key}`;
  return `${above}[${typeof key === 'string' ? JSON.stringify(key) : String(key)}]`;
}

/** Tasks failed, and the caller asked for that to be an error: `onFailure: 'stop' | 'abort'`, or `graph.throwIfFailed()`. */
export class RunFailedError extends TaskmapError {
  readonly code = 'run-failed';
  /** What each failed task threw, by task name. `cause` is the first of them. */
  readonly failures: ReadonlyMap<string, unknown>;

  constructor(graph: string, failures: ReadonlyMap<string, unknown>) {
    const lines = [...failures]
      .slice(0, LINES_SHOWN)
      .map(([task, error]) => `\n  - ${quoted(task)}: ${described(error)}`);
    const rest = failures.size - lines.length;
    if (rest > 0) lines.push(`\n  … and ${rest} more in error.failures`);
    super(
      `${failures.size === 1 ? '1 task' : `${failures.size} tasks`} of graph ${quoted(graph)} failed:${lines.join('')}\nMend the cause, then graph.resetFailed() and run again.`,
      { cause: failures.values().next().value },
    );
    this.failures = failures;
  }
}

/** A run was aborted, by its signal or because its executor was closed. `cause` is the reason given. */
export class RunAbortedError extends TaskmapError {
  readonly code = 'run-aborted';
  readonly graph: string;

  constructor(graph: string, options?: ErrorOptions) {
    super(
      `The run of graph ${quoted(graph)} was aborted. Tasks that had not finished are pending: run it again to go on.`,
      options,
    );
    this.graph = graph;
  }
}

/** An executor was used after `close()`. */
export class ExecutorClosedError extends TaskmapError {
  readonly code = 'executor-closed';

  constructor(executor: string) {
    super(`This ${executor} is closed. Make a new one to run a graph.`);
  }
}

/** The file of a run log cannot be written or read. `cause` is what the system said. */
export class RunLogError extends TaskmapError {
  readonly code = 'run-log';
  readonly path: string;

  constructor(path: string, cannot: string, advice: string, options?: ErrorOptions) {
    const why = options?.cause === undefined ? '' : `: ${described(options.cause)}`;
    super(`The run log ${JSON.stringify(path)} cannot be ${cannot}${why}. ${advice}`, options);
    this.path = path;
  }
}

const DASHBOARD_ADVICE: { readonly [reason: string]: (host: string) => string } = {
  EADDRINUSE: () =>
    'Something else uses it, another dashboard perhaps: end that, give another port, or give 0 for any that is free.',
  EACCES: () => 'The system does not let this process use it: give a port from 1024 on.',
  EADDRNOTAVAIL: (host) =>
    `This machine has no address ${JSON.stringify(host)}: give 127.0.0.1, or 0.0.0.0 for all that it has.`,
  ENOTFOUND: (host) =>
    `No machine is known by the name ${JSON.stringify(host)}: give an address of this one, such as 127.0.0.1.`,
};

/** A dashboard cannot listen where it is told to. `cause` is what the system said. */
export class DashboardError extends TaskmapError {
  readonly code = 'dashboard';
  readonly port: number;
  readonly host: string;
  /** The system's own word for why: `EADDRINUSE`, `EACCES` and so on. */
  readonly reason: string;

  constructor(port: number, host: string, reason: string, options?: ErrorOptions) {
    const advice = DASHBOARD_ADVICE[reason]?.(host) ?? 'Give another port, or another host.';
    super(`The dashboard cannot listen on port ${port} of ${host} (${reason}). ${advice}`, options);
    this.port = port;
    this.host = host;
    this.reason = reason;
  }
}

/** A report cannot be made, for want of a run, or not be written. `cause` is what the system said. */
export class ReportError extends TaskmapError {
  readonly code = 'report';
}

/** Something happened inside taskmap that must never happen. Please report it with the text, which tells the task's story. */
export class InvariantError extends TaskmapError {
  readonly code = 'invariant';

  constructor(story: string) {
    super(`This is a bug in taskmap: ${story}`);
  }
}

/** Functions that cannot reach a worker thread, all of them at once. Thrown before anything is run. */
export class TransferError extends TaskmapError {
  readonly code = 'transfer';
  /** For each task why its function cannot be sent, and what to do about it. */
  readonly problems: ReadonlyMap<string, string>;

  constructor(graph: string, problems: ReadonlyMap<string, string>) {
    const lines = [...problems.values()].slice(0, LINES_SHOWN).map((problem) => `\n  - ${problem}`);
    const rest = problems.size - lines.length;
    if (rest > 0) lines.push(`\n  … and ${rest} more in error.problems`);
    const count = problems.size === 1 ? '1 function' : `${problems.size} functions`;
    super(`${count} of graph ${quoted(graph)} cannot be sent to a worker thread:${lines.join('')}`);
    this.problems = problems;
  }
}

/** A result or an argument that cannot be copied from one thread, or one process, to another. */
export class UnsendableError extends TaskmapError {
  readonly code = 'unsendable';
  readonly task: string;

  /** @param part - the part that cannot be sent, as a sentence: `result.rows[3].format is a function` */
  constructor(task: string, what: 'result' | 'argument', part: string) {
    const verb = what === 'result' ? 'Return' : 'Pass';
    super(
      `The ${what} of task ${quoted(task)} cannot be sent: ${part}. ${verb} plain data (of an instance, \`{ ...it }\`), ` +
        'or keep the task on the main thread with .onMainThread().',
    );
    this.task = task;
  }
}

/** A value cannot cross to a thread, into a store or a queue as what it is. */
export class UncarriableError extends TaskmapError {
  readonly code = 'uncarriable';
  /** The part of it that cannot, as a sentence without its end: `result.rows[3].format is a function`. */
  readonly part: string;

  constructor(part: string) {
    super(`${part}. Pass plain data (of an instance, \`{ ...it }\`), and make of it what is needed where it arrives.`);
    this.part = part;
  }
}

/** Which part of a value cannot cross, as what was thrown on the way tells it: a sentence without its end. */
export function partOf(error: unknown): string {
  return error instanceof UncarriableError ? error.part : `it throws as it is read: ${described(error)}`;
}

/** A worker thread died while it ran this task, as often as it is tried. `cause` is what the thread died of. */
export class WorkerCrashError extends TaskmapError {
  readonly code = 'worker-crash';
  readonly task: string;
  /** How many threads died of it. */
  readonly deaths: number;

  constructor(task: string, deaths: number, options?: ErrorOptions) {
    super(
      `Task ${quoted(task)} ended ${deaths} worker threads. It needs more memory than a thread may have, or brings its process down.`,
      options,
    );
    this.task = task;
    this.deaths = deaths;
  }
}

/** Worker threads do not start. `cause` is why. */
export class WorkerStartError extends TaskmapError {
  readonly code = 'worker-start';
}

/** The server of a queue cannot be reached or used. `cause` is what it said. Nothing that is done is lost: the graph can be run again. */
export class QueueError extends TaskmapError {
  readonly code = 'queue';
}

/** Workers died or fell silent while they ran this task, as often as it is tried. */
export class WorkerLostError extends TaskmapError {
  readonly code = 'worker-lost';
  readonly task: string;

  constructor(task: string, options?: ErrorOptions) {
    super(
      `Task ${quoted(task)} was given to one worker after another, and none of them came back with it. ` +
        'It brings its process down, or needs more memory than there is. On a queue it may also keep the event loop of ' +
        'its worker busy for longer than `lockMs`: leave out .ioBound(), so that it runs on a thread.',
      options,
    );
    this.task = task;
  }
}

/** A worker does not have the code that this process has, and has run nothing. */
export class CodeMismatchError extends TaskmapError {
  readonly code = 'code-mismatch';
  /** The worker's name. */
  readonly worker: string;

  /** @param why - what it lacks and what to do about it, as a sentence */
  constructor(worker: string, why: string) {
    super(`Worker ${quoted(worker)} cannot run the tasks of this process: ${why}`);
    this.worker = worker;
  }
}

/** A result that cannot be kept in a store. */
export class UnstorableError extends TaskmapError {
  readonly code = 'unstorable';
  readonly task: string;

  /** @param part - the part that cannot be kept, as a sentence: `result.rows[3].format is a function` */
  constructor(task: string, part: string, options?: ErrorOptions) {
    super(
      `The result of task ${quoted(task)} cannot be stored: ${part}. Return plain data, and make of it what is needed in the tasks that take it.`,
      options,
    );
    this.task = task;
  }
}

/** What a store returned is no outcome: it was changed since it was saved, or saved by a newer version. */
export class UnreadableOutcomeError extends TaskmapError {
  readonly code = 'unreadable-outcome';
  /** The task that the store names. */
  readonly task: string;

  /** @param why - a sentence without its end: `It was saved by a newer version of taskmap` */
  constructor(task: string, why: string, options?: ErrorOptions) {
    super(
      `What is stored of task ${quoted(task)} cannot be read. ${why}. graph.reset(${quoted(task)}) forgets it, and the task runs again.`,
      options,
    );
    this.task = task;
  }
}

/** A file that a task takes or returns cannot be had. `cause` is what the system said, if it said anything. */
export class FileError extends TaskmapError {
  readonly code = 'file';
  /** The task, if the file is that of one. */
  readonly task: string | undefined;
  /** The file, as it was given. */
  readonly path: string;
  /** What is wrong with it. */
  readonly reason:
    | 'missing'
    | 'not-written'
    | 'folder'
    | 'special'
    | 'unreadable'
    | 'unwritable'
    | 'too-late'
    | 'unsupported';

  constructor(task: string | undefined, path: string, reason: FileError['reason'], options?: ErrorOptions) {
    const file = `${JSON.stringify(path)}${task === undefined ? '' : ` of task ${quoted(task)}`}`;
    const code = (options?.cause as { readonly code?: unknown } | undefined)?.code;
    const refusal = typeof code === 'string' ? ` (${code})` : '';
    super(
      {
        missing: `The file ${file} is not there. Make it, or give the path of one that is.`,
        'not-written': `Nothing was written for the file ${file}: write to the path that context.file() returned.`,
        folder: `${file} is a folder, and no file. To take all that is in it, say .files(${quoted(task ?? 'name')}, ${JSON.stringify(`${path.replace(/[\\/]+$/, '')}/**`)}).`,
        special: `${file} is neither a file nor a folder, and cannot be compared.`,
        unreadable: `The file ${file} cannot be read${refusal}. Allow this user to read it and what leads to it.`,
        unwritable: `The file ${file} cannot be put in its place${refusal}. Allow this user to write to its folder.`,
        'too-late': `The attempt that was to write the file ${file} is over.`,
        unsupported: 'Files need Node.js: there are none in a browser.',
      }[reason],
      options,
    );
    this.task = task;
    this.path = path;
    this.reason = reason;
  }
}

/** Two tasks of a graph have one file: what the one makes, the other would change. */
export class FileOverlapError extends TaskmapError {
  readonly code = 'file-overlap';
  /** The task that failed. */
  readonly task: string;
  /** The task that has the file. */
  readonly other: string;
  /** The file. */
  readonly path: string;

  constructor(task: string, other: string, path: string) {
    super(
      `Task ${quoted(task)} returned the file ${JSON.stringify(path)}, which task ${quoted(other)} has. Give each a file of its own.`,
    );
    this.task = task;
    this.other = other;
    this.path = path;
  }
}

/** The base of what goes wrong with the file of a store. */
export abstract class StoreError extends TaskmapError {
  /** The file, or the folder. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}

/** The system refused to read or write. `cause` is what it said. */
export class StoreFailedError extends StoreError {
  readonly code = 'store-failed';
  /** The system's own word for why: `ENOSPC`, `EACCES`, `EISDIR` and so on. */
  readonly reason: string;

  /** @param action - what was tried: `write to` */
  constructor(path: string, action: string, reason: string, advice: string, options?: ErrorOptions) {
    super(path, `Cannot ${action} the store ${quotedPath(path)} (${reason}). ${advice}`, options);
    this.reason = reason;
  }
}

/** Another process, or another store of this one, uses the file. Only one may. */
export class StoreLockedError extends StoreError {
  readonly code = 'store-locked';
  /** The process that uses it. */
  readonly pid: number;
  /** The machine on which that runs. */
  readonly host: string;

  constructor(path: string, pid: number, host: string, where: 'here' | 'this-host' | 'elsewhere' | 'unknown') {
    const owner = {
      here: `another store of this process (${pid})`,
      'this-host': `process ${pid}`,
      elsewhere: `process ${pid} on ${quoted(host)}`,
      unknown: 'somebody whose lock cannot be read',
    }[where];
    const advice = where === 'here' ? 'Use that one, or close() it first.' : 'Wait until it ends, or use another file.';
    super(path, `The store ${quotedPath(path)} is in use by ${owner}. ${advice}`);
    this.pid = pid;
    this.host = host;
  }
}

/**
 * The store has lost its file while it was open: another process has taken it over, or it was removed, or its lock. What
 * was safe before is safe; what is saved after that is refused.
 */
export class StoreLostError extends StoreError {
  readonly code = 'store-lost';
  /** The process that uses the file now, if there is one. */
  readonly pid: number | undefined;
  /** The machine on which that runs. */
  readonly host: string | undefined;

  constructor(path: string, owner: { readonly pid: number; readonly host: string } | undefined) {
    const store = `the store ${quotedPath(path)}`;
    const removed =
      `The file of ${store} was removed while it was open, or its lock was. Nothing more can be saved in it: ` +
      'close it, make a new store, and run again.';
    const taken =
      `The file of ${store} was taken over by process ${owner?.pid} on ${quoted(owner?.host ?? '')}, since this process ` +
      'had been silent for too long: it was suspended, or its thread was busy. What was safe before is safe: close this ' +
      'store, make a new one, and run again.';
    super(path, owner === undefined ? removed : taken);
    this.pid = owner?.pid;
    this.host = owner?.host;
  }
}

/** The file is none of a store, or one of a newer version. It was left as it is. */
export class StoreFormatError extends StoreError {
  readonly code = 'store-format';
  /** The version of the format that the file says it has; `undefined` if it is no store at all. */
  readonly version: number | undefined;

  constructor(path: string, version?: number) {
    super(
      path,
      version === undefined
        ? `The file ${quotedPath(path)} is no store of taskmap. Nothing in it was changed: give the store another path.`
        : `The store ${quotedPath(path)} has format ${version}, which is newer than this version of taskmap. Update taskmap, or use another file.`,
    );
    this.version = version;
  }
}

/** A store was used after `close()`. */
export class StoreClosedError extends StoreError {
  readonly code = 'store-closed';

  constructor(path: string) {
    super(path, `The store ${quotedPath(path)} is closed. Make a new one.`);
  }
}

/** A path is shown whole, since one must be able to find the file. */
function quotedPath(path: string): string {
  return JSON.stringify(path);
}
