import { createHash } from 'node:crypto';
import { moduleReference } from '../code/module-reference.js';
import { mixedArguments, plainName } from '../graph/plain-arguments.js';
import type { Ending, PlacedRun, RemoteAttempt } from '../places/place.js';
import { refusedArgument } from '../places/refused-argument.js';
import type { FunctionSources } from '../workers/sendable-functions.js';
import type { CarriedValues } from './carried-values.js';
import { fileDigest } from './file-digest.js';
import type { CarriedFunction, CarriedValue, JobOrder } from './job-messages.js';

/** The order of a job, and whose attempts are in it. */
export interface MadeOrder {
  readonly attempts: readonly RemoteAttempt[];
  /** Those that cannot be sent, each with how it ends because of that. */
  readonly refused: readonly (readonly [attempt: RemoteAttempt, ending: Ending])[];
  /** A promise if an argument has to be put into the store first. */
  readonly order: JobOrder | Promise<JobOrder>;
}

/** Writes the orders of a run's jobs, and keeps count of what is in the value store for it. */
export class OrderMaker {
  readonly #run: PlacedRun;
  readonly #runKey: string;
  readonly #sources: FunctionSources;
  readonly #values: CarriedValues;
  readonly #functions = new Map<Function, CarriedFunction>();
  /** Values in the store, by the tasks whose results they are, and all keys there. */
  readonly #references = new Map<number, CarriedValue>();
  readonly #storedKeys = new Set<string>();

  constructor(run: PlacedRun, runKey: string, sources: FunctionSources, values: CarriedValues) {
    this.#run = run;
    this.#runKey = runKey;
    this.#sources = sources;
    this.#values = values;
  }

  /** @param attempts - all of the same number */
  make(attempts: readonly RemoteAttempt[]): MadeOrder {
    const parts = new OrderParts();
    const sent: RemoteAttempt[] = [];
    const refused: [RemoteAttempt, Ending][] = [];
    for (const attempt of attempts) {
      try {
        this.#addTask(parts, attempt);
        sent.push(attempt);
      } catch (error) {
        refused.push([attempt, refusedArgument(error)]);
      }
    }
    const { id: runId, graph } = this.#run;
    const { functions, tasks, values } = parts;
    const attempt = attempts[0]!.attempt;
    const orderWith = (ready: readonly CarriedValue[]): JobOrder => ({
      runId,
      graph: graph.name,
      attempt,
      functions,
      values: ready,
      tasks,
    });
    const isReady = !values.some((value) => value instanceof Promise);
    return {
      attempts: sent,
      refused,
      order: isReady ? orderWith(values as CarriedValue[]) : Promise.all(values).then(orderWith),
    };
  }

  /** The result of a task has come, from here or from a worker. What is in the store stays there for those that take it. */
  cameWith(task: number, carried: CarriedValue): void {
    if (typeof carried === 'string') return;
    this.#storedKeys.add(carried[0]);
    // What a schema makes of it is made here, and is not what the worker has stored.
    if (this.#run.open.settings[task]!.returns === undefined) this.#references.set(task, carried);
  }

  /** Drops all that is in the store. */
  forgetValues(): Promise<void> {
    return this.#values.forget(this.#storedKeys);
  }

  /** @throws {@link UncarriableError} */
  #addTask(parts: OrderParts, attempt: RemoteAttempt): void {
    const { id, name } = attempt;
    const { topology, outcomes, settings, functions } = this.#run.open;
    const { starts, ids } = topology.inputs;
    const inputs: number[] = [];
    let plainCount = 0;
    for (const one of mixedArguments(this.#run.open, id) ?? ids.subarray(starts[id], starts[id + 1])) {
      if (typeof one !== 'number') {
        inputs.push(parts.values.push(this.#carryPlain(name, plainCount++, one.value)) - 1);
        continue;
      }
      const result = outcomes.value(one);
      if (result !== undefined) inputs.push(parts.value(one, () => this.#carry(one, result)));
    }
    const { withContext, timeoutMs } = settings[id]!;
    const headers = this.#run.hasHeaders ? attempt.headers : undefined;
    const fn = parts.fn(this.#carriedFunction(functions[id]!));
    parts.tasks.push({ name, fn, withContext, timeoutMs: timeoutMs ?? null, inputs, headers: headers ?? null });
  }

  #carry(task: number, result: unknown): CarriedValue | Promise<CarriedValue> {
    const known = this.#references.get(task);
    if (known !== undefined) return known;
    const key = `taskmap value ${this.#runKey} ${hashOf(this.#run.open.names[task]!, 'made by the executor')}`;
    const carried = this.#values.carry(result, 'argument', key);
    if (typeof carried === 'string') return carried;
    this.#storedKeys.add(key);
    return Promise.resolve(carried).then((reference) => {
      this.cameWith(task, reference);
      return reference;
    });
  }

  #carryPlain(task: string, index: number, value: unknown): CarriedValue | Promise<CarriedValue> {
    const key = `taskmap value ${this.#runKey} ${hashOf(task, plainName(index))}`;
    const carried = this.#values.carry(value, plainName(index), key);
    if (typeof carried !== 'string') this.#storedKeys.add(key);
    return carried;
  }

  #carriedFunction(fn: Function): CarriedFunction {
    const known = this.#functions.get(fn);
    if (known !== undefined) return known;
    const module = moduleReference(fn);
    const source = this.#sources.get(fn);
    const carried: CarriedFunction =
      module === undefined
        ? ['source', source!.text, source!.more]
        : ['module', module.moduleUrl, module.exportName, fileDigest(module.moduleUrl)];
    this.#functions.set(fn, carried);
    return carried;
  }
}

/** What an order is made of, each function and value once. */
class OrderParts {
  readonly functions: CarriedFunction[] = [];
  readonly values: (CarriedValue | Promise<CarriedValue>)[] = [];
  readonly tasks: JobOrder['tasks'][number][] = [];
  readonly #placeOf = new Map<number, number>();

  fn(carried: CarriedFunction): number {
    const known = this.functions.indexOf(carried);
    return known === -1 ? this.functions.push(carried) - 1 : known;
  }

  value(task: number, carry: () => CarriedValue | Promise<CarriedValue>): number {
    const known = this.#placeOf.get(task);
    if (known !== undefined) return known;
    const place = this.values.push(carry()) - 1;
    this.#placeOf.set(task, place);
    return place;
  }
}

/** A short text that stands for a list of texts. */
export function hashOf(...parts: readonly string[]): string {
  // Lengths first, and each code unit whole: no two lists of names are the same text.
  const text = parts.map((part) => `${part.length} ${part}`).join('');
  return createHash('sha256').update(text, 'utf16le').digest('base64url').slice(0, 24);
}
