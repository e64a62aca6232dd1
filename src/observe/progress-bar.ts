import { durationText } from '../drawing/duration-text.js';
import { InvalidOptionError } from '../errors.js';
import type { RunFinished } from '../events.js';
import { type EventListeners, Observer } from './observer.js';
import { observerClock, type ProgressClock } from './observer-clock.js';
import { ENDING_WORDS, reasonText } from './run-ending.js';
import { RunProgress } from './run-progress.js';
import { fitted, printable } from './terminal.js';

/** Where a progress bar is drawn: `process.stderr`, or anything that can be written to. */
export interface ProgressStream {
  write(text: string): unknown;
  /** Whether it is a terminal, on which a line can be drawn over. */
  readonly isTTY?: boolean | undefined;
  /** How wide the terminal is. Default 80. */
  readonly columns?: number | undefined;
}

/** How progress is shown. */
export interface ProgressBarOptions {
  /** Default: `process.stderr`, so that what the program prints stays clean. */
  readonly stream?: ProgressStream | undefined;
  /**
   * `'bar'`: one line, drawn over again and again. `'lines'`: a line each time another tenth of the tasks has finished. `'silent'`: nothing.
   * Default `'auto'`: a bar on a terminal, lines elsewhere, nothing where the variable `CI` is set.
   */
  readonly mode?: 'auto' | 'bar' | 'lines' | 'silent' | undefined;
  /** Where the time comes from. Default: the clock of the machine, with timers that keep no process alive. */
  readonly clock?: ProgressClock | undefined;
}

const MODES = ['auto', 'bar', 'lines', 'silent'];
const COLUMNS = 80;
const BAR_COLUMNS = 20;
const REDRAW_MS = 100;
/** Without any event the time left is still counted down. */
const IDLE_MS = 1000;
const TENTHS = 10;
/** To the beginning of the line, and all of it cleared. */
const CLEAR_LINE = '\r\x1b[2K';

/**
 * Shows on a terminal how far runs are: how many tasks are done, failed, skipped and running, how many end in a second, and how much time is left. The line
 * is drawn at most ten times a second. When a run has ended, one line that tells what came of it stays.
 *
 * The time left is the longer of two: the longest way to the end of the run, task after task, and all tasks that are
 * left, as many at once as up to now.
 * Both take each task to need what tasks took on average.
 *
 * @example
 * import { ProgressBar, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * const written: string[] = [];
 * const executor = new SyncExecutor();
 * using bar = new ProgressBar({ mode: 'lines', stream: { write: (text) => written.push(text) } }).listen(executor);
 * executor.run(new TaskGraphBuilder({ name: 'sums' }).task('one', () => 1).task('two', () => 2).build());
 * written[0]; // => 'sums 50 %, 1/2 tasks\n'
 * written.at(-1)!.startsWith('sums finished: 2 done in '); // => true
 */
export class ProgressBar extends Observer {
  protected override readonly listeners: EventListeners;
  readonly #stream: ProgressStream;
  readonly #clock: ProgressClock;
  readonly #mode: 'bar' | 'lines' | 'silent';
  readonly #runs = new Map<string, RunProgress>();
  readonly #eraseLine = () => this.#erase();
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #isDrawn = false;
  #callOff: (() => void) | undefined;
  /** Whether the timer that runs is the one for when nothing happens. */
  #isIdle = false;
  #tenthsTold = 0;

  /** @throws {@link InvalidOptionError} */
  constructor({ stream = process.stderr, mode = 'auto', clock = observerClock }: ProgressBarOptions = {}) {
    super();
    if (!MODES.includes(mode)) throw new InvalidOptionError('mode', "'auto', 'bar', 'lines' or 'silent'", mode);
    if (typeof stream?.write !== 'function')
      throw new InvalidOptionError('stream', 'an object with the method write', stream);
    this.#stream = stream;
    this.#clock = clock;
    this.#mode = mode === 'auto' ? modeFor(stream) : mode;
    this.listeners = this.#mode === 'silent' ? {} : this.#allListeners();
  }

  /** Listens to nothing any more, and clears the line. */
  override close(): void {
    super.close();
    this.#runs.clear();
    this.#rest();
  }

  #allListeners(): EventListeners {
    const change = (runId: string, of: (run: RunProgress) => void) => {
      const run = this.#runs.get(runId);
      // It began before anybody listened.
      if (run === undefined) return;
      of(run);
      this.#changed();
    };
    return {
      'run:started': (record) => {
        if (this.#runs.size === 0) this.#begin();
        this.#runs.set(record.runId, new RunProgress(record));
        this.#changed();
      },
      'task:started': ({ runId, task }) => change(runId, (run) => run.started(task)),
      'task:retrying': ({ runId }) => change(runId, (run) => run.paused()),
      'task:interrupted': ({ runId }) => change(runId, (run) => run.paused()),
      'task:done': (record) => change(record.runId, (run) => run.ended('done', record)),
      'task:failed': (record) => change(record.runId, (run) => run.ended('failed', record)),
      'task:skipped': ({ runId, task }) => change(runId, (run) => run.skip(task)),
      'run:finished': (record) => this.#finished(record),
    };
  }

  #begin(): void {
    this.#tenthsTold = 0;
    // What is on the line when the process ends would stand before the prompt.
    if (this.#mode === 'bar') eraseAtExit(this.#eraseLine);
  }

  #finished(record: RunFinished): void {
    const run = this.#runs.get(record.runId);
    if (run === undefined) return;
    this.#runs.delete(record.runId);
    this.#erase();
    const summary = summaryOf(run, record);
    this.#write(`${this.#mode === 'bar' ? fitted(summary, this.#columns - 1) : summary}\n`);
    if (this.#runs.size === 0) this.#rest();
    else this.#changed();
  }

  #changed(): void {
    if (this.#mode === 'lines') this.#tellTenths();
    else this.#drawWhenDue();
  }

  #tellTenths(): void {
    const runs = [...this.#runs.values()];
    const total = sum(runs, 'total');
    const tenths = total === 0 ? 0 : Math.floor((sum(runs, 'finished') / total) * TENTHS);
    // The last one is told by the line that stays.
    if (tenths <= this.#tenthsTold || tenths === TENTHS) return;
    this.#tenthsTold = tenths;
    this.#write(`${titleOf(runs)} ${tenths * TENTHS} %, ${countsOf(runs, ['failed', 'skipped'])}\n`);
  }

  #drawWhenDue(): void {
    const dueInMs = this.#drawnAtMs + REDRAW_MS - this.#clock.now();
    if (dueInMs <= 0) this.#draw();
    else if (this.#callOff === undefined || this.#isIdle) this.#drawAfter(dueInMs, false);
  }

  #drawAfter(delayMs: number, isIdle: boolean): void {
    this.#callOff?.();
    this.#isIdle = isIdle;
    this.#callOff = this.#clock.after(delayMs, () => {
      this.#callOff = undefined;
      this.#draw();
    });
  }

  #draw(): void {
    this.#drawnAtMs = this.#clock.now();
    // In the last column, some terminals go on to the next line.
    this.#write(CLEAR_LINE + fitted(this.#line(), this.#columns - 1));
    this.#isDrawn = true;
    this.#drawAfter(IDLE_MS, true);
  }

  #line(): string {
    const runs = [...this.#runs.values()];
    const nowMs = this.#clock.now();
    const total = sum(runs, 'total');
    const finished = sum(runs, 'finished');
    const full = total === 0 ? 0 : Math.floor((finished / total) * BAR_COLUMNS);
    const parts = [
      `${titleOf(runs)} ${'█'.repeat(full)}${'░'.repeat(BAR_COLUMNS - full)} ${countsOf(runs, ['failed', 'skipped', 'running'])}`,
    ];
    const rate = runs.reduce((all, run) => all + run.ratePerSecond(nowMs), 0);
    if (rate > 0) parts.push(`${rate < 10 ? rate.toFixed(1) : rate.toFixed(0)}/s`);
    const leftMs = runs.reduce((longest, run) => Math.max(longest, run.leftMs(nowMs) ?? 0), 0);
    // To tell tenths of seconds of a time that is guessed would be too much.
    if (leftMs > 0) parts.push(`${durationText(Math.ceil(leftMs / 1000) * 1000).replace('.0 s', ' s')} left`);
    const latest = runs.at(-1)?.latest;
    if (latest !== undefined) parts.push(printable(latest));
    return parts.join('  ');
  }

  #erase(): void {
    if (this.#isDrawn) this.#write(CLEAR_LINE);
    this.#isDrawn = false;
  }

  /** Nothing is under way: no line, no timer, nobody waiting for the end of the process. */
  #rest(): void {
    this.#erase();
    this.#callOff?.();
    this.#callOff = undefined;
    this.#drawnAtMs = Number.NEGATIVE_INFINITY;
    if (this.#mode === 'bar') eraseNoMore(this.#eraseLine);
  }

  get #columns(): number {
    return this.#stream.columns || COLUMNS;
  }

  #write(text: string): void {
    try {
      this.#stream.write(text);
    } catch {
      // A stream that fails is no reason for a run to be told of it.
    }
  }
}

/** What clears the line of each bar that is drawn, behind one listener: there may be any number of bars. */
const atExit = new Set<() => void>();

function eraseAll(): void {
  for (const erase of atExit) erase();
}

function eraseAtExit(erase: () => void): void {
  if (atExit.size === 0) process.on('exit', eraseAll);
  atExit.add(erase);
}

function eraseNoMore(erase: () => void): void {
  if (atExit.delete(erase) && atExit.size === 0) process.off('exit', eraseAll);
}

function modeFor({ isTTY }: ProgressStream): 'bar' | 'lines' | 'silent' {
  const { CI, TERM } = process.env;
  if (CI !== undefined && CI !== '' && CI !== 'false' && CI !== '0') return 'silent';
  return isTTY === true && TERM !== 'dumb' ? 'bar' : 'lines';
}

function sum(runs: readonly RunProgress[], what: 'total' | 'finished' | 'failed' | 'skipped' | 'running'): number {
  return runs.reduce((all, run) => all + run[what], 0);
}

function titleOf(runs: readonly RunProgress[]): string {
  return runs.length === 1 ? fitted(printable(runs[0]!.graph), BAR_COLUMNS) : `${runs.length} runs`;
}

function countsOf(runs: readonly RunProgress[], shown: readonly ('failed' | 'skipped' | 'running')[]): string {
  const counts = [`${sum(runs, 'finished')}/${sum(runs, 'total')} tasks`];
  for (const what of shown) if (sum(runs, what) > 0) counts.push(`${sum(runs, what)} ${what}`);
  return counts.join(', ');
}

function summaryOf(run: RunProgress, finished: RunFinished): string {
  const counts = [`${run.done} done`];
  if (run.failed > 0) counts.push(`${run.failed} failed`);
  if (run.skipped > 0) counts.push(`${run.skipped} skipped`);
  const { status, durationMs } = finished;
  const reason = reasonText(finished);
  const why = reason === undefined ? '' : `: ${printable(reason)}`;
  const name = fitted(printable(run.graph), BAR_COLUMNS);
  return `${name} ${ENDING_WORDS[status]}: ${counts.join(', ')} in ${durationText(durationMs)}${why}`;
}
