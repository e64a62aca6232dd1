import { type RetryPolicy, type TaskGraph, TaskGraphBuilder, type TaskHandle, taskModule } from 'taskmap-ts';
import { findLicence, type Licence, listFiles, readManifest } from './measures.js';
import type { InstalledPackage } from './packages.js';

/** What the audit says of one package. */
export interface Verdict {
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly licence: Licence;
  /** Files of any kind. */
  readonly fileCount: number;
  readonly bytes: number;
  readonly sourceFileCount: number;
  readonly lines: number;
  readonly gzippedBytes: number;
  /** Over the names and contents of all source files. */
  readonly sha256: string;
  /** What somebody ought to look at; mostly nothing. */
  readonly remarks: readonly string[];
}

/** A graph over packages, and the task that gives the verdict on each. */
export interface Audit {
  readonly graph: TaskGraph;
  readonly verdicts: readonly TaskHandle<string, any, Verdict>[];
}

/** Too many open files is no fault of the package: others will close theirs. */
const WHEN_FILES_RUN_OUT: RetryPolicy = {
  attempts: 6,
  delayMs: 50,
  backoff: 2,
  jitter: 0.5,
  when: (error) => ['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? ''),
};

/** Functions that worker threads find by the name of their module. */
const { hashOf, linesOf, gzippedBytesOf } = taskModule<typeof import('./measures.js')>(
  new URL('./measures.js', import.meta.url),
);

/**
 * Seven tasks for each package. The first three wait for the disk and are io-bound, the next three compute on threads, and the last is a little glue:
 *
 * ```
 *   manifest ─┬─► licence ────────────┐
 *             │            ┌─► hash ──┤
 *             └─► files ───┼─► lines ─┼─► verdict
 *                          └─► gzip ──┘
 * ```
 *
 * What reads a package has the stamp of its package.json for a version, so that with a store it runs again once the package was installed anew. What computes
 * runs again if it is given something else.
 *
 * There is no task that waits for all verdicts. A task whose dependency failed is skipped, and one broken package must not cost the report on all others:
 * the report is made of the outcomes that the graph has when the run is over.
 */
export function auditGraph(packages: readonly InstalledPackage[]): Audit {
  const builder = new TaskGraphBuilder({ name: 'dependency audit' });
  const verdicts = packages.map(({ path, folder, stamp }) => {
    const manifest = builder
      .task(`manifest ${path}`, () => readManifest(folder))
      .version(stamp)
      .ioBound()
      .retry(WHEN_FILES_RUN_OUT);
    const licence = builder
      .task(`licence ${path}`)
      .dependsOn(manifest)
      .version(stamp)
      .ioBound()
      .retry(WHEN_FILES_RUN_OUT)
      .run((manifest) => findLicence(folder, manifest));
    const files = builder
      .task(`files ${path}`, () => listFiles(folder))
      .after(manifest)
      .version(stamp)
      .ioBound()
      .retry(WHEN_FILES_RUN_OUT);
    const hash = builder.task(`hash ${path}`, hashOf).dependsOn(files);
    const lines = builder.task(`lines ${path}`, linesOf).dependsOn(files);
    const gzip = builder.task(`gzip ${path}`, gzippedBytesOf).dependsOn(files);
    return builder
      .task(`verdict ${path}`)
      .dependsOn(manifest, licence, files, hash, lines, gzip)
      .onMainThread()
      .run(({ name, version }, licence, { fileCount, bytes, sources }, sha256, lines, gzippedBytes): Verdict => {
        const sourceFileCount = sources.length;
        const remarks = licenceRemarks(licence);
        return {
          path,
          name,
          version,
          licence,
          fileCount,
          bytes,
          sourceFileCount,
          lines,
          gzippedBytes,
          sha256,
          remarks,
        };
      });
  });
  return { graph: builder.build(), verdicts };
}

/** What a task does, such as `gzip`: the same for every package. */
export function kindOf(task: string): string {
  return task.slice(0, task.indexOf(' '));
}

/** The path of the package that a task is about. */
export function packageOf(task: string): string {
  return task.slice(task.indexOf(' ') + 1);
}

/** Licences that ask for no more than to be kept. */
const USUAL = new Set(
  [
    'MIT',
    'MIT-0',
    'ISC',
    '0BSD',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'Apache-2.0',
    'BlueOak-1.0.0',
    'CC0-1.0',
    'Unlicense',
    'Zlib',
    'Python-2.0',
  ].map((name) => name.toLowerCase()),
);

function licenceRemarks({ name, from }: Licence): string[] {
  if (from === 'nowhere') return ['no licence'];
  // In an SPDX expression OR offers a choice, and AND binds tighter. Parentheses that say otherwise are rare enough to be passed over here.
  const choices = name.replace(/[()]/g, '').split(/\s+or\s+/i);
  const isUsual = choices.some((choice) =>
    choice.split(/\s+and\s+/i).every((one) => USUAL.has(one.trim().toLowerCase())),
  );
  if (!isUsual) return ['unusual licence'];
  return from === 'file' ? ['licence only in a file'] : [];
}
