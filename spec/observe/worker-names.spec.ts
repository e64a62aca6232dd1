import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Observed,
  ProgressBar,
  RunLog,
  readRunLog,
  reportHTML,
  SyncExecutor,
  TaskGraphBuilder,
  Timeline,
} from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { threadName } from '../../src/dashboard/page/format.js';
import { RunFeed } from '../../src/dashboard/run-feed.js';
import { shownText } from '../../src/drawing/markup.js';
import { checkedElements, requestsIn } from '../report/html-check.js';
import { drawnIn } from '../support/drawn.js';
import { HOSTILE_NAMES } from '../support/random-graph.js';

const MARKUP = 'w</text><script>alert(1)</script><style>body{display:none}</style><text>';
const COMMANDS = '\x1b[31m red \x9b0m \u202e turned \u2028 two';
const WORKERS = [...HOSTILE_NAMES, MARKUP, COMMANDS, 'end\n  section other', 'a, b: c; d # e %% f'];
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const COMMAND = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Cs}/u;

/**
 * What observers see of a run of one task on a worker of this name. Names of workers come from other machines: they may
 * be anything.
 */
function runOn(worker: string, ...observers: readonly { listen(observed: Observed): unknown }[]): void {
  const executor = new SyncExecutor();
  const relay = new EventEmitter();
  for (const event of ['run:started', 'task:ready', 'task:done', 'run:finished'] as const)
    executor.on(event, (record) => relay.emit(event, record));
  executor.on('task:started', (record) => relay.emit('task:started', { ...record, thread: worker }));
  for (const observer of observers) observer.listen(relay as Observed);
  executor.run(new TaskGraphBuilder({ name: 'site' }).task('fetch', () => 1).build());
}

function timelineOn(worker: string): Timeline {
  const timeline = new Timeline();
  runOn(worker, timeline);
  return timeline;
}

describe.each(WORKERS.map((worker) => ({ worker })))('the name of a worker, $worker', ({ worker }) => {
  it('is text in the picture of a timeline, as far as there is room for it', () => {
    const { texts, elementCount, root } = drawnIn(timelineOn(worker).toSVG());
    expect(elementCount).toBeLessThan(60);
    // An empty one is seen as well.
    const begins = worker.trim() === '' ? `"${worker}"` : shownText(worker).slice(0, 8);
    expect(texts.some((text) => text.startsWith(begins))).toBe(true);
    expect(Number(root.attributes['width'])).toBe(960);
  });

  it('is text in a report, whose policy allows the styles of taskmap alone', () => {
    const html = reportHTML({ timeline: timelineOn(worker) });
    const elements = checkedElements(html);
    expect(requestsIn(elements)).toEqual([]);
    const styles = elements.filter(({ tag }) => tag === 'style').map(({ text }) => text);
    const [policy] = /(?<=style-src )[^;]*/.exec(html)!;
    const hashes = styles.map((style) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy.split(' ').sort()).toEqual([...new Set(hashes)].sort());
    expect(elements.filter(({ tag }) => tag === 'script')).toHaveLength(1);
  });

  it('is one line of a Mermaid chart, of letters and entities', () => {
    const lines = timelineOn(worker).toMermaid().split('\n');
    expect(lines).toHaveLength(7);
    expect(lines[4]).toMatch(/^ {2}section [\p{L}\p{N} .,()/…#;-]+$/u);
    expect(lines[4]!.length).toBeLessThan(500);
  });

  it('is no command of a terminal', () => {
    const text = timelineOn(worker).toText({ width: 100 });
    expect(text).not.toMatch(COMMAND);
    expect(text.split('\n')).toHaveLength(1);
    const written: string[] = [];
    runOn(worker, new ProgressBar({ mode: 'lines', stream: { write: (part) => written.push(part) } }));
    expect(written.join('')).not.toMatch(COMMAND);
  });

  it('is the same in a log that is read back, and no command in the file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'workers-'));
    const path = join(folder, 'run.ndjson');
    const log = new RunLog({ path });
    const midway: unknown[] = [];
    const reader = {
      listen: (relay: Observed) => relay.on('task:started', () => midway.push(readRunLog(path).inProgress[0]?.thread)),
    };
    runOn(worker, log, reader);
    log.close();
    const text = readFileSync(path, 'utf8');
    rmSync(folder, { recursive: true });
    expect(midway).toEqual([worker]);
    expect(text).not.toMatch(COMMAND);
    expect(text.trimEnd().split('\n')).toHaveLength(5);
  });

  it('is a name of one line on the page of a dashboard', () => {
    const feed = new RunFeed({ runsMax: 1, control: false, workers: 1, group: undefined });
    runOn(worker, feed);
    const text = feed.snapshotText(0);
    expect(text.length).toBeLessThan(6_000);
    const [, , thread] = JSON.parse(text).runs[0].attempts[0];
    expect(threadName(thread)).not.toMatch(COMMAND);
    expect(threadName(thread)).not.toBe('');
  });

  it('is text in a trace of Chrome', () => {
    const { traceEvents } = JSON.parse(timelineOn(worker).toChromeTrace());
    expect(traceEvents.map(({ args }: { args: { name?: string } }) => args?.name)).toContain(worker);
  });
});

it('a text of the policy is not taken from a picture: names that look like style sheets are text', () => {
  const style = '<style>body{display:none}</style>';
  const executor = new SyncExecutor();
  const timeline = new Timeline().listen(executor);
  executor.run(new TaskGraphBuilder<any>({ name: style }).add({ name: style, run: () => style }).build());
  const html = reportHTML({ timeline, title: style, group: () => style });
  expect(html).not.toContain(createHash('sha256').update('body{display:none}').digest('base64'));
});
