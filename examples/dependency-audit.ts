// A dependency audit: reads, measures and judges every package in a node_modules folder.
// It shows a graph made in a loop, reading and computing at the same time, results that outlive the process, a report in spite of failures, and resetFailed().
//
//   for each package:   manifest ─┬─► licence ────────────┐
//                                 │            ┌─► hash ──┤
//                                 └─► files ───┼─► lines ─┼─► verdict          the report is made of all outcomes
//                                              └─► gzip ──┘
//
// npm run demo, or npx tsx examples/dependency-audit.ts --help

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  AsyncExecutor,
  type Executor,
  FileStore,
  ParallelAsyncExecutor,
  ProgressBar,
  RunAbortedError,
  type RunReport,
  StoreError,
  Timeline,
  UnknownTaskError,
  writeReport,
} from 'taskmap-ts';
import { type Dashboard, serveDashboard } from 'taskmap-ts/dashboard';
import { brokenCopy } from './dependency-audit/broken-copy.js';
import { type Audit, auditGraph, kindOf, packageOf } from './dependency-audit/graph.js';
import { PackageTimes } from './dependency-audit/package-times.js';
import { type InstalledPackage, installedPackages, nodeModulesOf, UserError } from './dependency-audit/packages.js';
import { auditReport, counted, duration, reportText } from './dependency-audit/report.js';

const HELP = `Audits every package that is installed under a folder: size, lines, licence, copies.

  npm run demo -- [FOLDER] [--json FILE] [--report FILE] [--dashboard] [--store FILE] [--explain TASK] [--retry] [--compare]

  FOLDER        a project, or a node_modules folder. Default: the node_modules of taskmap itself
  --json FILE   also write everything to FILE
  --report FILE also write a page about the run: what ran where, how long, and what failed
  --dashboard   show the run on a page while it goes on, and until Ctrl+C. Keeps nothing
  --store FILE  where results are kept for the next time. Default: a file in the system's folder for temporary files.
                A package is read again when its package.json has been written since. Delete the file to start anew
  --explain TASK
                say why a task, such as "gzip yaml", would run or not, and run nothing
  --retry       break one manifest in a temporary copy, run, mend it, and run again only what failed. Keeps nothing
  --compare     run it all with and without threads, and say how much longer it took without. Keeps nothing
  --help        show this

Paths are relative to the folder in which the command was given.

Packages that cannot be read are listed with their errors; the exit code is 0 all the same, once the report is made.
`;

/** How many packages may be read at once. It also bounds the files that are open. */
const IO_CONCURRENCY = 8;
const SLOWEST_SHOWN = 5;

/** Where the user stands: npm runs its scripts in the folder of the project, and says here where it was called. */
const { INIT_CWD: HERE = process.cwd() } = process.env;
const OWN_NODE_MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));

interface Options {
  readonly folder: string;
  readonly json: string | undefined;
  readonly report: string | undefined;
  readonly dashboard: boolean;
  readonly store: string | undefined;
  readonly explain: string | undefined;
  readonly retry: boolean;
  readonly compare: boolean;
  readonly help: boolean;
}

async function main(signal: AbortSignal): Promise<void> {
  const {
    folder,
    json,
    report: page,
    dashboard: isWatched,
    store: storePath,
    explain,
    retry,
    compare,
    help,
  } = optionsFrom(process.argv.slice(2));
  if (help) {
    process.stdout.write(HELP);
    return;
  }
  const nodeModules = await nodeModulesOf(folder);
  const packages = await installedPackages(nodeModules);
  if (packages.length === 0) throw new UserError(`There are no packages in ${nodeModules}.`);
  for (const file of [json, page]) if (file !== undefined) await refuseUnwritable(file);

  const store = retry || compare || isWatched ? undefined : new FileStore(storePath ?? defaultStore(nodeModules));
  const copy = retry ? await brokenCopy(packages) : undefined;
  try {
    const audit = auditGraph(copy === undefined ? packages : await installedPackages(copy.nodeModules));
    await using executor = new ParallelAsyncExecutor({ ioConcurrency: IO_CONCURRENCY, store });
    if (explain !== undefined) {
      await executor.plan(audit.graph);
      process.stdout.write(`${explain} ${audit.graph.explain(explain)}\n`);
      return;
    }
    await using dashboard = isWatched ? await openDashboard(executor) : undefined;
    using timeline = page === undefined ? undefined : new Timeline().listen(executor);
    using _ = new ProgressBar().listen(executor);
    const times = new PackageTimes(executor);
    executor.on('store:repaired', ({ text }) => process.stderr.write(`${text}\n`));
    const first = await executor.run(audit.graph, { signal });
    if (store !== undefined && times.keptCount > 0)
      process.stdout.write(`${keptText(times.keptCount, first)} (${shown(store.path)}).\n\n`);
    const second = copy === undefined ? undefined : await mendAndRunAgain(audit, executor, first, copy, signal);

    const durationMs = first.durationMs + (second?.durationMs ?? 0);
    const report = auditReport(shown(nodeModules), audit, durationMs, times.slowest(SLOWEST_SHOWN));
    process.stdout.write(reportText(report));
    if (compare) process.stdout.write(`\n${await compared(packages, executor.workers, first, signal)}\n`);
    if (json !== undefined) {
      await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
      process.stdout.write(`\nEverything is in ${shown(json)}.\n`);
    }
    if (page !== undefined && timeline !== undefined) {
      await writeReport(page, { timeline, group: kindOf });
      process.stdout.write(`\nWhat ran where and how long is in ${shown(page)}, to be opened in a browser.\n`);
    }
    if (dashboard !== undefined) await untilInterrupted(signal);
  } finally {
    store?.close();
    await copy?.remove();
  }
}

/** Shows the run on a page, by kinds of tasks: there are a thousand of them, and seven kinds. */
async function openDashboard(executor: ParallelAsyncExecutor): Promise<Dashboard> {
  const dashboard = await serveDashboard(executor, {
    control: true,
    group: kindOf,
    workers: executor.workers + IO_CONCURRENCY,
  });
  process.stdout.write(`The audit can be watched at ${dashboard.url}\n\n`);
  return dashboard;
}

async function untilInterrupted(signal: AbortSignal): Promise<void> {
  process.stdout.write('\nThe page stays until Ctrl+C.\n');
  if (!signal.aborted) await once(signal, 'abort');
}

/** Tells what a broken manifest costs, mends it, and runs what has failed and what hangs on it: nothing else. */
async function mendAndRunAgain(
  audit: Audit,
  executor: Executor,
  first: RunReport,
  { path, mend }: { readonly path: string; readonly mend: () => Promise<void> },
  signal: AbortSignal,
): Promise<RunReport> {
  const { graph } = audit;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(`First audit, the manifest of ${path} broken: ${told(first)}.`);
  say(`  ${(graph.failure(`manifest ${path}`) as Error).message}`);
  await mend();
  graph.resetFailed();
  say(`Mended. resetFailed() leaves ${counted(graph.counts().pending, 'task')} to run.`);
  const startedByPackage = new Map<string, number>();
  executor.on('task:started', ({ task }) =>
    startedByPackage.set(packageOf(task), (startedByPackage.get(packageOf(task)) ?? 0) + 1),
  );
  const second = await executor.run(graph, { signal });
  say(`Second audit: ${told(second)}.`);
  for (const [path, count] of startedByPackage) say(`  ${counted(count, 'attempt')} for ${path}`);
  say('');
  return second;
}

/** Audits the same packages with all tasks on the main thread. The files have just been read, so both find them in memory. */
async function compared(
  packages: readonly InstalledPackage[],
  workers: number,
  onThreads: RunReport,
  signal: AbortSignal,
): Promise<string> {
  const { durationMs } = await new AsyncExecutor({ concurrency: IO_CONCURRENCY }).run(auditGraph(packages).graph, {
    signal,
  });
  const ratio = (durationMs / onThreads.durationMs).toFixed(1);
  const threads = counted(workers, 'worker thread');
  return `With ${threads} it took ${duration(onThreads.durationMs)}, on the main thread alone ${duration(durationMs)}: ${ratio} times as long.`;
}

/** A file for each folder that is audited. */
function defaultStore(nodeModules: string): string {
  return join(
    tmpdir(),
    'taskmap-dependency-audit',
    createHash('sha256').update(nodeModules).digest('hex').slice(0, 16),
  );
}

function keptText(keptCount: number, { attemptCount, durationMs }: RunReport): string {
  const kept = `${counted(keptCount, 'result')} of the last audit still ${keptCount === 1 ? 'holds' : 'hold'}`;
  return attemptCount === 0
    ? `Nothing to do: ${kept}, found in ${duration(durationMs)}`
    : `Going on: ${kept}, ${counted(attemptCount, 'attempt')} made in ${duration(durationMs)}`;
}

/** A path below where the user stands without what is known anyway. */
function shown(path: string): string {
  const below = relative(HERE, path);
  return below === '' || below.startsWith('..') ? path : below;
}

/** Finds out before the audit, and not after it, that there is nowhere to write it to. What is in the file already stays until then. */
async function refuseUnwritable(file: string): Promise<void> {
  try {
    await (await open(file, 'a')).close();
  } catch (error) {
    throw new UserError(`The report cannot be written: ${(error as Error).message}.`);
  }
}

function told({ attemptCount, counts, durationMs }: RunReport): string {
  return `${counted(attemptCount, 'attempt')} in ${duration(durationMs)}; ${counted(counts.done, 'task')} done, ${counts.failed} failed, ${counts.skipped} skipped`;
}

function optionsFrom(args: string[]): Options {
  try {
    const options = {
      json: { type: 'string' },
      report: { type: 'string' },
      dashboard: { type: 'boolean' },
      store: { type: 'string' },
      explain: { type: 'string' },
      retry: { type: 'boolean' },
      compare: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (positionals.length > 1) throw new Error(`Give one folder, not ${positionals.length}.`);
    const folder = positionals[0] === undefined ? OWN_NODE_MODULES : resolve(HERE, positionals[0]);
    const json = values.json === undefined ? undefined : resolve(HERE, values.json);
    const report = values.report === undefined ? undefined : resolve(HERE, values.report);
    const store = values.store === undefined ? undefined : resolve(HERE, values.store);
    return {
      folder,
      json,
      report,
      dashboard: values.dashboard ?? false,
      store,
      explain: values.explain,
      retry: values.retry ?? false,
      compare: values.compare ?? false,
      help: values.help ?? false,
    };
  } catch (error) {
    throw new UserError(`${(error as Error).message}\nTry --help.`);
  }
}

const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort(new Error('interrupted from the keyboard')));
try {
  await main(interrupt.signal);
} catch (error) {
  // What the user or the system has done is told in a line; anything else is a bug, and its stack helps to find it.
  const isExpected =
    [UserError, RunAbortedError, StoreError, UnknownTaskError].some((known) => error instanceof known) ||
    (error as NodeJS.ErrnoException).code !== undefined;
  console.error(isExpected ? `error: ${(error as Error).message}` : error);
  process.exitCode = error instanceof RunAbortedError ? 130 : 1;
}
