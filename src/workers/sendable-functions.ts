import { moduleReference } from '../code/module-reference.js';
import { quoted, TransferError } from '../errors.js';
import { openGraph, type TaskGraph } from '../graph/task-graph.js';
import type { PlacedRun } from '../places/place.js';
import { type FunctionSource, functionSources, isRefusal, type Refusal } from './function-source.js';

/** The text of each function that is to leave this thread and is no module task. */
export type FunctionSources = ReadonlyMap<Function, FunctionSource>;

/** What is known of functions as text; the same function is asked about in every run. */
const knownSources = new WeakMap<Function, FunctionSource | Refusal>();

/**
 * How the functions of the tasks of a run that are for a place leave this thread.
 *
 * @throws {@link TransferError} if some cannot
 */
export function sourcesFor({ graph, placed }: PlacedRun): FunctionSources {
  const { sources, problems } = sendableFunctions(graph, placed);
  if (problems.size > 0) throw new TransferError(graph.name, problems);
  return sources;
}

/**
 * For each task whose function cannot leave this thread why not, and what to do about it.
 *
 * @param placed - a 1 for each task whose function is to leave it
 */
export function problemsOf(graph: TaskGraph, placed: Uint8Array): ReadonlyMap<string, string> {
  return sendableFunctions(graph, placed).problems;
}

interface SendableFunctions {
  readonly sources: FunctionSources;
  readonly problems: ReadonlyMap<string, string>;
}

function sendableFunctions(graph: TaskGraph, placed: Uint8Array): SendableFunctions {
  const { names, functions, outcomes } = openGraph(graph);
  const asText = new Set<Function>();
  for (const [id, fn] of functions.entries())
    if (placed[id] === 1 && moduleReference(fn) === undefined && !outcomes.isDone(id)) asText.add(fn);
  const unknown = [...asText].filter((fn) => !knownSources.has(fn));
  for (const [fn, source] of functionSources(unknown)) knownSources.set(fn, source);
  const problems = new Map<string, string>();
  const sources = new Map<Function, FunctionSource>();
  for (const [id, fn] of functions.entries()) {
    const source = placed[id] === 1 ? knownSources.get(fn) : undefined;
    if (source === undefined || !asText.has(fn)) continue;
    if (isRefusal(source)) problems.set(names[id]!, `Task ${quoted(names[id]!)} ${source.why}. ${source.todo}`);
    else sources.set(fn, source);
  }
  return { sources, problems };
}
