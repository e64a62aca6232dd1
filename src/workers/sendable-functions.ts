import { quoted } from '../errors.js';
import type { TaskSettings } from '../graph/task.js';
import { openGraph, type TaskGraph } from '../graph/task-graph.js';
import { type FunctionSource, functionSources, isRefusal, type Refusal } from './function-source.js';
import { moduleReference } from './task-module.js';

/** Which tasks of a graph leave this thread, and how their functions do. */
export interface SendableFunctions {
  /** A 1 for each task that is to run elsewhere. */
  readonly tasks: Uint8Array;
  /** For each task whose function cannot be sent why not, and what to do about it. */
  readonly problems: ReadonlyMap<string, string>;
  /** The text of each function that is no module task. */
  readonly sources: ReadonlyMap<Function, FunctionSource>;
}

/** What is known of functions as text; the same function is asked about in every run. */
const knownSources = new WeakMap<Function, FunctionSource | Refusal>();

/** @param staysHere - which tasks run on the calling thread whatever their functions are */
export function sendableFunctions(graph: TaskGraph, staysHere: (settings: TaskSettings) => boolean): SendableFunctions {
  const { names, settings, functions, outcomes } = openGraph(graph);
  const tasks = new Uint8Array(names.length);
  const asText = new Set<Function>();
  for (const [id, fn] of functions.entries()) {
    if (staysHere(settings[id]!)) continue;
    tasks[id] = 1;
    if (moduleReference(fn) === undefined && !outcomes.isDone(id)) asText.add(fn);
  }
  const unknown = [...asText].filter((fn) => !knownSources.has(fn));
  for (const [fn, source] of functionSources(unknown)) knownSources.set(fn, source);
  const problems = new Map<string, string>();
  const sources = new Map<Function, FunctionSource>();
  for (const [id, fn] of functions.entries()) {
    const source = tasks[id] === 1 ? knownSources.get(fn) : undefined;
    if (source === undefined || !asText.has(fn)) continue;
    if (isRefusal(source)) problems.set(names[id]!, `Task ${quoted(names[id]!)} ${source.why}. ${source.todo}`);
    else sources.set(fn, source);
  }
  return { tasks, problems, sources };
}
