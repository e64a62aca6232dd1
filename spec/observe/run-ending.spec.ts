import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  type AsyncExecutorOptions,
  type EventListeners,
  MemoryStore,
  Observer,
  ProgressBar,
  RunLog,
  type RunOptions,
  readRunLog,
  reportHTML,
  TaskGraphBuilder,
  Timeline,
} from 'taskmap-ts';
import { afterAll, describe, expect, it } from 'vitest';
import type { RunChanges, Snapshot } from '../../src/dashboard/messages.js';
import { RunFeed } from '../../src/dashboard/run-feed.js';
import { checkedElements } from '../report/html-check.js';
import { drawnIn } from '../support/drawn.js';

class Full extends MemoryStore {
  override save(): never {
    throw new RangeError('the disk is <full>\nof logs');
  }
}

interface Ending {
  readonly status: 'finished' | 'stopped' | 'aborted' | 'broken';
  readonly executor?: AsyncExecutorOptions;
  readonly options?: RunOptions;
  /** As it is told in one line; `undefined` if nothing ended it. */
  readonly reason: string | undefined;
  readonly words: string;
}

const aborted = AbortSignal.abort(new Error('closing <time>'));
const ENDINGS: readonly Ending[] = [
  { status: 'finished', reason: undefined, words: 'finished' },
  { status: 'stopped', options: { onFailure: 'stop' }, reason: 'TypeError: no <price>', words: 'stopped' },
  { status: 'aborted', options: { signal: aborted }, reason: 'Error: closing <time>', words: 'aborted' },
  { status: 'broken', executor: { store: new Full() }, reason: 'RangeError: the disk is <full>…', words: 'broken off' },
];

const folder = mkdtempSync(join(tmpdir(), 'endings-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What observers see of a run that ends so. */
async function seen({ executor: settings, options }: Ending, ...observers: Observer[]): Promise<unknown> {
  const executor = new AsyncExecutor({ concurrency: 1, ...settings });
  for (const observer of observers) observer.listen(executor);
  const graph = new TaskGraphBuilder<any>({ name: 'site' })
    .add({ name: 'rows', run: () => 1 })
    .add({
      name: 'bills',
      run: () => {
        throw new TypeError('no <price>');
      },
    })
    .add({ name: 'late', run: () => 1, dependsOn: ['rows'] })
    .build();
  return executor.run(graph, options).catch((error: unknown) => error);
}

describe.each(ENDINGS)('a run that is $status', (ending) => {
  const { status, reason, words } = ending;
  const isEarly = reason !== undefined;

  it('says so, and why, in one line under a progress bar', async () => {
    for (const mode of ['bar', 'lines'] as const) {
      const written: string[] = [];
      const stream = { write: (text: string) => written.push(text), columns: 200 };
      using bar = new ProgressBar({ mode, stream });
      await seen(ending, bar);
      expect(written.at(-1)).toMatch(new RegExp(`^site ${words}: \\d done`));
      expect(written.at(-1)!.endsWith(isEarly ? `s: ${reason}\n` : 's\n')).toBe(true);
    }
  });

  it('is that in a timeline, its picture and its trace', async () => {
    using timeline = new Timeline();
    await seen(ending, timeline);
    expect(timeline.summary()).toMatchObject({ status });
    expect(timeline.summary()!.reason === undefined).toBe(!isEarly);
    const { title, texts } = drawnIn(timeline.toSVG());
    expect(title).toMatch(new RegExp(`^site: ${words}, `));
    if (isEarly) expect(texts.join('\n')).toContain(reason);
    const { otherData } = JSON.parse(timeline.toChromeTrace());
    expect([otherData.status, otherData.reason]).toEqual([status, reason]);
  });

  it('is that in a log, with a level that tells how much it matters, and is read back', async () => {
    const path = join(folder, `${status}.ndjson`);
    using log = new RunLog({ path });
    await seen(ending, log);
    const run = readRunLog(path);
    expect(run.status).toBe(status);
    expect(run.reason === undefined ? undefined : `${run.reason.type}: ${run.reason.message}`).toBe(
      reason?.replace('…', '\nof logs'),
    );
    const line = JSON.parse(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1)!);
    expect(line.level).toBe({ finished: 30, stopped: 40, aborted: 40, broken: 50 }[status]);
    expect(line.msg).toBe(`run of "site" ${words}${isEarly ? `: ${reason}` : ''}`);
  });

  it('is in a log of errors alone only if it broke off', async () => {
    const lines: string[] = [];
    const keep = (_: object, message: string) => void lines.push(message);
    using log = new RunLog({ logger: { info: keep, warn: keep, error: keep }, level: 'error' });
    await seen(ending, log);
    expect(lines.filter((line) => line.startsWith('run of'))).toEqual(
      status === 'broken' ? [`run of "site" broken off: ${reason}`] : [],
    );
  });

  it('is that in a report', async () => {
    using timeline = new Timeline();
    await seen(ending, timeline);
    const elements = checkedElements(reportHTML({ timeline }));
    expect(elements.find(({ tag }) => tag === 'h1')!.text).toMatch(new RegExp(`^site ${words}`));
    const notes = elements.filter(({ attributes }) => attributes.get('class') === 'note').map(({ text }) => text);
    expect(notes).toHaveLength(isEarly ? 1 : 0);
    if (isEarly) expect(notes[0]).toContain(reason);
    // Where nothing else tells of it, all of it is told.
    if (status === 'broken') expect(notes[0]).toMatch(/RangeError: the disk is <full>\nof logs[\s\S]*run-ending\.spec/);
  });

  it('is that on the page of a dashboard, as text, in the first message and in one of changes', async () => {
    const early = new RunFeed({ runsMax: 1, control: false, workers: 1, group: undefined });
    early.watch(() => {});
    const changes: RunChanges[] = [];
    class Watching extends Observer {
      protected override readonly listeners: EventListeners = {
        'run:started': () => void early.takeChangesText(0),
        'run:finished': () => void changes.push(...JSON.parse(early.takeChangesText(0)!).runs),
      };
    }
    await seen(ending, early, new Watching());
    const [run] = (JSON.parse(early.snapshotText(0)) as Snapshot).runs;
    for (const told of [run!, changes[0]!]) {
      expect(told.status).toBe(status);
      expect(told.reason === undefined ? undefined : `${told.reason.type}: ${told.reason.message}`).toBe(
        reason?.replace('…', '\nof logs'),
      );
    }
  });
});

it('an end that this version does not know is no end that it knows', () => {
  const path = join(folder, 'later.ndjson');
  const line = (fields: object) => `${JSON.stringify({ time: 1, runId: 'r', ...fields })}\n`;
  writeFileSync(path, line({ event: 'run:started', graph: 'g', taskCount: 1 }));
  expect(readRunLog(path).status).toBe('running');
  for (const status of ['paused', 'running', 'constructor', 5, undefined]) {
    writeFileSync(path, line({ event: 'run:finished', status }), { flag: 'a' });
    expect(readRunLog(path)).toMatchObject({ status: undefined, finishedAtMs: 1 });
  }
});
