import { codeOf } from '../code/closure.js';
import { type Code, type CodePart, changedParts, type UnseenPart } from '../code/code-part.js';
import { described, quoted } from '../errors.js';
import type { Unseen } from '../events.js';
import type { OpenGraph } from '../graph/task-graph.js';
import { sourceHashOf } from './fingerprint.js';
import type { ChangeDetection, OutcomeKeeper } from './run-memory.js';

/** What is kept of a task's function, to be compared with what it will be. */
export interface CodeIdentity {
  /** The hash of its text. */
  readonly sourceHash: string | undefined;
  /** Itself and all that it uses. */
  readonly code: readonly CodePart[] | undefined;
}

const NOT_LOOKED_AT: CodeIdentity = Object.freeze({ sourceHash: undefined, code: undefined });

/**
 * What the functions of a graph are as a run begins. Its tasks may change variables that their functions use, a counter
 * or a cache; the next process begins with those as this one did, so that is what it compares with.
 */
export class TaskCode {
  readonly #graph: OpenGraph;
  readonly #detect: ChangeDetection;
  /** Tasks with given results that are to be saved: what they hang on is their functions, too. */
  readonly #given: ReadonlySet<number>;
  #codes: ReadonlyMap<Function, Code> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(graph: OpenGraph, detect: ChangeDetection = 'closure') {
    this.#graph = graph;
    this.#detect = detect;
    this.#given = new Set(graph.outcomes.toSave);
  }

  of(id: number): CodeIdentity {
    const fn = this.#graph.functions[id]!;
    if (this.#detect === 'source') return { sourceHash: sourceHashOf(fn), code: undefined };
    if (!this.#isLookedAt(id)) return NOT_LOOKED_AT;
    const code = this.#look()?.get(fn)?.parts;
    return { sourceHash: code === undefined ? sourceHashOf(fn) : undefined, code };
  }

  /** What of each task cannot be compared, of those that are looked at. */
  unseen(): Unseen[] {
    const { names, functions } = this.#graph;
    const found: Unseen[] = [];
    for (let id = 0; id < names.length; id++) {
      if (!this.#isLookedAt(id) || !this.#graph.outcomes.isPending(id)) continue;
      const unseen = this.#look()?.get(functions[id]!)?.unseen ?? [];
      if (unseen.length > 0) found.push(unseenOf(names[id]!, unseen));
    }
    if (this.#failure !== undefined)
      found.push({
        task: undefined,
        names: [],
        text: `Of functions the text alone is compared, and not what they use: the engine cannot be asked for that (${described(this.#failure.error)}).`,
      });
    return found;
  }

  /** What the functions of tasks use that ran, and that has changed since they were looked at. */
  moved(): Unseen[] {
    const before = this.#codes;
    if (before === undefined) return [];
    const { names, functions, outcomes } = this.#graph;
    const ids = [...names.keys()].filter(
      (id) =>
        this.#isLookedAt(id) && before.has(functions[id]!) && outcomes.isDone(id) && outcomes.source(id) === 'run',
    );
    const now = codeOf(ids.map((id) => functions[id]!));
    const found: Unseen[] = [];
    for (const id of ids) {
      const changed = changedParts(before.get(functions[id]!)!.parts, now.get(functions[id]!)!.parts);
      if (changed.length > 0) found.push(movedOf(names[id]!, changed));
    }
    return found;
  }

  #isLookedAt(id: number): boolean {
    const { version, always } = this.#graph.settings[id]!;
    return this.#detect === 'closure' && version === '' && !always;
  }

  #look(): ReadonlyMap<Function, Code> | undefined {
    if (this.#codes !== undefined || this.#failure !== undefined) return this.#codes;
    const { functions, outcomes } = this.#graph;
    try {
      const isAsked = (id: number) => outcomes.isPending(id) || this.#given.has(id);
      this.#codes = codeOf(functions.filter((_, id) => this.#isLookedAt(id) && isAsked(id)));
    } catch (error) {
      this.#failure = { error };
    }
    return this.#codes;
  }
}

const NAMED_MAX = 5;

function unseenOf(task: string, unseen: readonly UnseenPart[]): Unseen {
  const named = unseen.slice(0, NAMED_MAX).map(({ name, what }) => `${quoted(name)} (${what})`);
  const more = unseen.length > NAMED_MAX ? ` and ${unseen.length - NAMED_MAX} more` : '';
  return {
    task,
    names: [...new Set(unseen.map(({ name }) => name))],
    text: `Task ${quoted(task)} uses ${named.join(', ')}${more}, of which a store cannot see whether it has changed. Give the task a version that says so.`,
  };
}

function movedOf(task: string, changed: readonly string[]): Unseen {
  return {
    task,
    names: changed.map((what) => /^"(.*?)"/.exec(what)?.[1] ?? what),
    text: `While the run went on, ${changed.join(' and ')} changed. Task ${quoted(task)} was run in it, and is held to what it was when the run began.`,
  };
}

/** What has been told of stores. */
const TOLD = new WeakMap<OutcomeKeeper, Set<string>>();

/** Those that have not been told of this store before. */
export function withoutTold(store: OutcomeKeeper, graph: string, unseen: readonly Unseen[]): Unseen[] {
  const told = TOLD.get(store) ?? new Set<string>();
  TOLD.set(store, told);
  return unseen.filter(({ task, text }) => {
    const key = JSON.stringify(task === undefined ? [text] : [graph, text]);
    if (told.has(key)) return false;
    told.add(key);
    return true;
  });
}
