import { createHash, randomUUID } from 'node:crypto';
import { lstatSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { refuseOtherCopy } from '../copy.js';
import { InvalidOptionError, ReportError } from '../errors.js';
import { isGraph, type TaskGraph } from '../graph/task-graph.js';
import { runsOf, Timeline } from '../observe/timeline.js';
import { pageScript } from '../page/page-script.js';
import { failuresSection } from './failures-section.js';
import { lineText } from './html.js';
import { picturesSection } from './pictures.js';
import { REPORT_STYLE } from './report-style.js';
import { runFactsOf } from './run-facts.js';
import { endOf, headerHTML, summaryHTML } from './summary-section.js';
import { tasksHTML } from './tasks-section.js';

/** What a report is about. */
export interface ReportOptions {
  /** What was seen of the run: a timeline that listened to its executor before it began. */
  readonly timeline: Timeline;
  /** Which run. Default: the one that began last. */
  readonly runId?: string | undefined;
  /** Of which graph the last run is told, if `runId` does not say which. Default: any. */
  readonly graph?: TaskGraph | undefined;
  /** What the report is headed with. Default: the graph's name. */
  readonly title?: string | undefined;
  /**
   * Whether it shows previews of results, of at most 200 characters each. Default true. Names, messages and stacks of errors are shown in any case: think of who
   * will read the report.
   */
  readonly results?: boolean | undefined;
  /** The group of a task by its name, or `false` for none, as in {@link TaskGraph.toSVG}: the picture of many tasks shows their groups. */
  readonly group?: ((name: string) => string) | false | undefined;
  /** How many attempts could have been under way at once, for the efficiency: a whole number from 1. Default, and the least it counts for: how many were. */
  readonly workers?: number | undefined;
}

/** The script of the page, read when the first report is made. */
let script: string | undefined;

/**
 * A run as a page of HTML that stays: numbers, the critical path, pictures of the graph and of who ran when, what failed and why, and a row for each task. All
 * of it is in the one text, which loads nothing from anywhere, and it can be read without scripts; with them, the table can be sorted, searched and filtered.
 *
 * A run that is under way can be reported as well, as far as it has come.
 *
 * @throws {@link ReportError} if the timeline knows no such run
 * @throws {@link InvalidOptionError}
 *
 * @example
 * import { reportHTML, SyncExecutor, TaskGraphBuilder, Timeline } from 'taskmap-ts';
 *
 * const executor = new SyncExecutor();
 * const timeline = new Timeline().listen(executor);
 * executor.run(new TaskGraphBuilder({ name: 'sums' }).task('one & all', () => 1).build());
 * const html = reportHTML({ timeline });
 * html.includes('<title>sums: finished'); // => true
 * html.includes('one &amp; all'); // => true
 */
export function reportHTML(options: ReportOptions): string {
  const { timeline, results = true, workers } = options;
  const facts = runFactsOf(timeline, runIdOf(options), workers);
  const title = options.title ?? facts.run.graph;
  const failures = failuresSection(facts);
  const pictures = picturesSection(timeline, facts, options.group);
  script ??= pageScript('./page/report-page', import.meta.url);
  const links = [
    '<a href="#summary">Summary</a>',
    '<a href="#graph">Graph</a>',
    '<a href="#timeline">Timeline</a>',
    '<a href="#tasks">Tasks</a>',
  ];
  if (failures.html !== '') links.splice(1, 0, '<a href="#failures">Failures</a>');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy([REPORT_STYLE, ...pictures.styles], script)}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${lineText(title)}: ${endOf(facts).words}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<a class="skip-link" href="#tasks">To the table of tasks</a>
${headerHTML(facts, title)}
<nav aria-label="Sections"><ul class="page">${links.map((link) => `<li>${link}</li>`).join('')}</ul></nav>
<main class="page">
${summaryHTML(facts)}
${failures.html}
${pictures.html}
${tasksHTML(facts, failures.ids, results)}
</main>
<footer class="page quiet">Written by taskmap. Times are in UTC; a task waits while it could run and there is no room for it.${
    results ? ' Of each result, at most 200 characters are shown.' : ' Results are left out.'
  }</footer>
<script type="module">${script}</script>
</body>
</html>
`;
}

/**
 * Writes {@link reportHTML} to a file. Whoever opens that file sees an old report or the whole new one, never a part.
 *
 * @param path - the file, in a folder that exists; one that is there is replaced
 * @throws {@link ReportError} if the timeline knows no such run, or the file cannot be written
 * @throws {@link InvalidOptionError}
 *
 * @example
 * import { SyncExecutor, TaskGraphBuilder, Timeline, writeReport } from 'taskmap-ts';
 * import { readFileSync, rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const executor = new SyncExecutor();
 * const timeline = new Timeline().listen(executor);
 * executor.run(new TaskGraphBuilder({ name: 'sums' }).task('one', () => 1).build());
 * const path = join(tmpdir(), `report-${process.pid}.html`);
 * writeReport(path, { timeline });
 * readFileSync(path, 'utf8').startsWith('<!doctype html>'); // => true
 * rmSync(path);
 */
export function writeReport(path: string, options: ReportOptions): void {
  if (typeof path !== 'string' || path === '') throw new InvalidOptionError('path', 'the path of a file', path);
  const html = reportHTML(options);
  try {
    replaceFile(path, html);
  } catch (error) {
    throw new ReportError(`The report ${JSON.stringify(path)} cannot be written: ${adviceFor(error, path)}`, {
      cause: error,
    });
  }
}

/** Puts a file in the place of what is there, in one step, so that no reader finds half of it. It is as private as the one before, and links stay what they are. */
function replaceFile(path: string, text: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  // A terminal, a pipe, or a link to a file that is not there: nothing that could be replaced. A folder says itself that it is one.
  if (there === undefined ? isLink : !there.isFile()) {
    writeFileSync(path, text);
    return;
  }
  const target = isLink ? realpathSync(path) : path;
  // Beside the file, since a file can be moved in one step only within its disk.
  const temporary = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomUUID()}.tmp`);
  try {
    writeFileSync(temporary, text, { flag: 'wx', mode: there?.mode ?? 0o666 });
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function adviceFor(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return `there is no folder ${JSON.stringify(dirname(path))}. Make it first, or give another path.`;
  if (code === 'EISDIR' || code === 'EEXIST' || code === 'ENOTEMPTY') return 'it is a folder. Give the path of a file.';
  return `${message}. Give a file in a folder that exists and that may be written to.`;
}

function runIdOf({ timeline, runId, graph, title, results }: ReportOptions): string {
  if (!(timeline instanceof Timeline)) {
    refuseOtherCopy(timeline, Timeline.name);
    throw new InvalidOptionError('timeline', 'a Timeline', timeline);
  }
  if (graph !== undefined && !isGraph(graph)) throw new InvalidOptionError('graph', 'a TaskGraph', graph);
  if (title !== undefined && typeof title !== 'string') throw new InvalidOptionError('title', 'a string', title);
  if (results !== undefined && typeof results !== 'boolean')
    throw new InvalidOptionError('results', 'true or false', results);
  const runs = [...runsOf(timeline).values()];
  if (runs.length === 0) {
    throw new ReportError(
      'There is no run to report: the timeline has heard of none. Call timeline.listen(executor) before executor.run(graph).',
    );
  }
  const found = runs.findLast(
    (run) => (runId === undefined || run.runId === runId) && (graph === undefined || run.taskGraph === graph),
  );
  if (found !== undefined) return found.runId;
  const of = graph === undefined ? '' : ` of graph ${JSON.stringify(graph.name)}`;
  const which = runId === undefined ? 'no run' : `no run ${JSON.stringify(runId)}`;
  throw new ReportError(
    `There is no run to report: the timeline knows ${which}${of}. timeline.runIds() lists those it knows; it keeps the last ones, as many as \`runsMax\`.`,
  );
}

/** Only what is in the page itself is shown and run; nothing is loaded, sent or framed. */
function policy(styles: readonly string[], pageScriptText: string): string {
  const hashes = (texts: readonly string[]) =>
    [...new Set(texts)].map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`).join(' ');
  return `default-src 'none'; style-src ${hashes(styles)}; script-src ${hashes([pageScriptText])}; base-uri 'none'; form-action 'none'`;
}
