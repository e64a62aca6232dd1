import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  AsyncExecutor,
  type Clock,
  type Executor,
  FileResult,
  type LocalStore,
  type OutcomeStore,
  ParallelExecutor,
  SchemaError,
  type StandardSchema,
  SyncExecutor,
  systemClock,
  type TaskGraph,
  TaskGraphBuilder,
  taskModule,
} from 'taskmap-ts';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { disk } from '../../src/files/disk.js';
import { forgetLooks } from '../../src/files/look.js';
import { contentIn } from '../../src/store/kept-files.js';
import { variantOf } from '../../src/store/variants.js';
import { PROPERTY_TIMEOUT_MS, propertyOptions } from '../support/random-graph.js';
import { type AnyStoreOptions, STORE_KINDS, type StoreKind } from '../support/stores.js';
import { numberOf, type Part, work } from './fixtures/stale-tasks.js';

/*
 * Programs are started again and again with one store, and edited meanwhile: constants, versions, files, options, names.
 * Whatever was done to them, what is done is what it would be without a store; and what runs has a reason that a naive
 * model knows of. Calls are counted by the functions, in a file.
 */

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const modules = taskModule<typeof import('./fixtures/stale-tasks.js')>(
  new URL('./fixtures/stale-tasks.ts', import.meta.url),
);

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'taskmap-stale-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => void vi.restoreAllMocks());
let caseCount = 0;

const NAMES = ['a', 'b', 'variant 2 of a', '__proto__', 'é', ''];
const CONTENTS = ['', 'aa', 'bb', 'c'];
const SOURCES = 2;
const EXPIRES_MS = 2_500;
const STEP_MS = 1_000;

// What is drawn.

/** Something that somebody does between two runs; numbers mean a task, or whatever there is, by their remainder. */
interface Edit {
  readonly kind: (typeof EDITS)[number];
  readonly task: number;
  readonly to: number;
}

const EDITS = [
  'constant',
  'constant',
  'version',
  'with',
  'source',
  'source',
  'source',
  'output',
  'output',
  'add',
  'remove',
  'rename',
  'swap',
  'edge',
  'after',
  'breaks',
  'mends',
  'mends',
  'always',
  'world',
  'transient',
  'expires',
  'keepFailures',
  'gives',
  'schema',
] as const;

/** Something that is done to a graph before it is run. */
interface Act {
  readonly kind: 'reset' | 'again' | 'give' | 'save' | 'resetFailed';
  readonly task: number;
}

interface Session {
  readonly edits: readonly Edit[];
  readonly acts: readonly Act[];
  readonly only: readonly number[];
  readonly ends: 'well' | 'aborted' | 'stopped' | 'store fails';
  /** After so many results, or saves. */
  readonly after: number;
  readonly prunes: boolean;
  readonly forgetsLooks: boolean;
  /** What happens before the same graph is run once more, if it is. */
  readonly again: { readonly edits: readonly Edit[]; readonly acts: readonly Act[] } | undefined;
}

const edit: fc.Arbitrary<Edit> = fc.record({ kind: fc.constantFrom(...EDITS), task: fc.nat(30), to: fc.nat(30) });
const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom('reset' as const, 'again' as const, 'give' as const, 'save' as const, 'resetFailed' as const),
  task: fc.nat(30),
});
const rarely = <T>(arbitrary: fc.Arbitrary<T>, else_: T) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(else_) }, { weight: 1, arbitrary });
const session: fc.Arbitrary<Session> = fc.record({
  edits: fc.array(edit, { maxLength: 3, size: 'max' }),
  acts: rarely(fc.array(act, { minLength: 1, maxLength: 2 }), []),
  only: rarely(fc.array(fc.nat(30), { minLength: 1, maxLength: 2 }), []),
  ends: fc.constantFrom('well', 'well', 'well', 'well', 'aborted', 'stopped', 'store fails'),
  after: fc.nat(10),
  prunes: rarely(fc.constant(true), false),
  forgetsLooks: fc.boolean(),
  again: rarely(
    fc.record({ edits: fc.array(edit, { maxLength: 2 }), acts: fc.array(act, { maxLength: 2 }) }),
    undefined,
  ),
});
const program = fc.record({
  first: fc.array(edit, { minLength: 6, maxLength: 30, size: 'max' }),
  size: fc.integer({ min: 3, max: 12 }),
  variants: fc.constantFrom(1, 2, 4, 4),
  /** Files are old enough for their stamps to be trusted. */
  isOld: fc.boolean(),
  sessions: fc.array(session, { minLength: 2, maxLength: 8, size: 'max' }),
});

// The program as it is by now.

interface Node {
  readonly id: number;
  name: string;
  part: Part;
  isVersioned: boolean;
  bumps: number;
  /** Its part is given to it as an argument, in place of closed over. */
  isArgument: boolean;
  extra: number | undefined;
  dependsOn: Input[];
  after: Node[];
  always: boolean;
  transient: boolean;
  expires: boolean;
  keepFailures: boolean;
  isChecked: boolean;
}
type Input = Node | string;

const isNode = (input: Input): input is Node => typeof input !== 'string';
const nameOf = (input: Input) => (isNode(input) ? input.name : input);

/** What is above 2 does not fit. */
const SMALL: StandardSchema<any, any> = {
  '~standard': {
    version: 1,
    vendor: 'spec',
    validate: (value) => (value === 3 ? { issues: [{ message: 'too large' }] } : { value }),
  },
};
const GIFT = 7;
const KEEP = { forMs: EXPIRES_MS };

class Program {
  readonly folder: string;
  nodes: Node[] = [];
  readonly #usesModule: boolean;
  #made = 0;

  constructor(of: string, usesModule: boolean) {
    this.folder = of;
    this.#usesModule = usesModule;
    for (let source = 0; source < SOURCES; source++) write(this.sourcePath(source), CONTENTS[source]!);
  }

  sourcePath(source: number): string {
    return join(this.folder, `source ${source}.txt`);
  }

  madePath({ id }: Node): string {
    return join(this.folder, `made ${id}`);
  }

  isBroken({ part: { id } }: Node): boolean {
    return existsSync(join(this.folder, `broken ${id}`));
  }

  add(to: number): void {
    const id = this.#made++;
    const before: Input[] = [...this.nodes, 'source 0', 'source 1', 'sources'];
    const dependsOn = Array.from({ length: to % 3 }, (_, at) => before[(to * (at + 3) + at) % before.length]!);
    const name = id < NAMES.length && to % 2 === 0 ? NAMES[id]! : `t${id}`;
    const part: Part = { folder: this.folder, id, constant: to % 3, looksAtWorld: false, gives: 'value' };
    write(join(this.folder, `world ${id}`), '0');
    this.nodes.push({
      id,
      name,
      part,
      isVersioned: to % 3 === 0,
      bumps: 0,
      isArgument: this.#usesModule || to % 5 === 0,
      extra: undefined,
      dependsOn,
      after: [],
      always: false,
      transient: false,
      expires: false,
      keepFailures: false,
      isChecked: false,
    });
  }

  edit({ kind, task, to }: Edit, isRunning = false): void {
    if (kind === 'add') return void (isRunning || (this.nodes.length < 15 && this.add(to)));
    const node = this.nodes[task % this.nodes.length];
    if (node === undefined) return;
    const at = this.nodes.indexOf(node);
    const change = (part: Partial<Part>) => {
      node.part = { ...node.part, ...part };
    };
    switch (kind) {
      case 'source': {
        const path = this.sourcePath(task % SOURCES);
        if (to % 9 === 8) rmSync(path, { force: true });
        else write(path, CONTENTS[to % CONTENTS.length]!);
        return;
      }
      case 'breaks':
        if (to % 2 === 0) writeFileSync(join(this.folder, `broken ${node.id}`), '');
        return;
      case 'mends':
        rmSync(join(this.folder, `broken ${node.id}`), { force: true });
        return;
      case 'world':
        write(join(this.folder, `world ${node.id}`), String(to % 3));
        return;
    }
    // A graph is what it was when it was built, and does not look at what its tasks have made.
    if (isRunning) return;
    switch (kind) {
      case 'constant':
        change({ constant: to % 3 });
        return;
      case 'version':
        node.isVersioned = to % 3 !== 0;
        node.bumps = to % 4;
        return;
      case 'with':
        node.extra = [undefined, 1, 2][to % 3];
        if (!this.#usesModule && to % 5 === 0) node.isArgument = !node.isArgument;
        return;
      case 'output': {
        const path = this.madePath(node);
        if (to % 3 === 0) rmSync(path, { force: true });
        else if (existsSync(path)) write(path, to % 3 === 1 ? readFileSync(path, 'utf8') : String(to % 4));
        return;
      }
      case 'remove':
        if (this.nodes.length < 4) return;
        this.nodes.splice(at, 1);
        for (const one of this.nodes) {
          one.dependsOn = one.dependsOn.filter((input) => input !== node);
          one.after = one.after.filter((input) => input !== node);
        }
        return;
      case 'rename':
        if (this.nodes.some(({ name }) => name === `${node.name}'`)) return;
        node.name = to % 2 === 0 && node.name.endsWith("'") ? node.name : `${node.name}'`;
        return;
      case 'swap': {
        const other = this.nodes[to % this.nodes.length]!;
        [node.name, other.name] = [other.name, node.name];
        return;
      }
      case 'edge': {
        const before: Input[] = [...this.nodes.slice(0, at), 'source 0', 'source 1', 'sources'];
        if (to % 4 === 0) node.dependsOn = node.dependsOn.slice(1);
        else if (to % 4 === 1) node.dependsOn = node.dependsOn.toReversed();
        else node.dependsOn = [...node.dependsOn, before[to % before.length]!];
        return;
      }
      case 'after':
        node.after = at === 0 || node.after.length > 0 ? [] : [this.nodes[to % at]!];
        return;
      case 'always':
        node.always = !node.always;
        change({ looksAtWorld: node.always && to % 3 !== 0 });
        return;
      case 'transient':
        node.transient = !node.transient;
        return;
      case 'expires':
        node.expires = !node.expires;
        return;
      case 'keepFailures':
        node.keepFailures = !node.keepFailures;
        return;
      case 'schema':
        node.isChecked = !node.isChecked;
        return;
      case 'gives':
        change({ gives: (['value', 'file', 'restorable', 'beside', 'list'] as const)[to % 5]! });
        return;
      default:
        kind satisfies never;
    }
  }

  versionOf({ isVersioned, part, bumps }: Node): string {
    return isVersioned ? JSON.stringify([part, bumps]) : '';
  }

  build(): TaskGraph {
    const builder = new TaskGraphBuilder<any>({ name: 'shop' });
    for (let source = 0; source < SOURCES; source++) builder.file(`source ${source}`, this.sourcePath(source));
    builder.files('sources', join(this.folder, 'source *.txt'));
    builder.add(
      ...this.nodes.map((node) => {
        const { part } = node;
        const closing = (context: any, ...args: unknown[]) => work(context, part, ...args);
        const given = this.#usesModule ? modules.work : work;
        return {
          name: node.name,
          run: (node.isArgument ? given : closing) as any,
          withContext: true,
          with: [...(node.isArgument ? [part] : []), ...(node.extra === undefined ? [] : [node.extra])],
          dependsOn: node.dependsOn.map(nameOf),
          after: node.after.map(nameOf),
          ...(node.isVersioned ? { version: this.versionOf(node) } : {}),
          always: node.always,
          transient: node.transient,
          ...(node.expires ? { expiresMs: EXPIRES_MS } : {}),
          ...(node.keepFailures ? { keepFailures: KEEP } : {}),
          ...(node.isChecked ? { returns: SMALL } : {}),
        };
      }),
    );
    return builder.build() as TaskGraph;
  }
}

/** Writes a file so that its stamp is another, however soon after the last time. */
function write(path: string, text: string): void {
  const stamp = () => (existsSync(path) ? statSync(path, { bigint: true }).ctimeNs : -1n);
  for (const before = stamp(); ; ) {
    writeFileSync(path, text);
    if (stamp() !== before) return;
  }
}

// What is known of a result: as plain data, and what is written in its files.

interface Known {
  readonly text: string;
  readonly files: readonly { readonly path: string; readonly content: string; readonly restorable: boolean }[];
  /** As the tasks that take it read it. */
  readonly read: string;
}

function plainKnown(value: unknown): Known {
  return { text: JSON.stringify(value), files: [], read: String(value) };
}

/** What a node comes to. */
function madeBy(program: Program, node: Node, inputs: readonly Known[]): Known {
  const { part, extra } = node;
  const world = part.looksAtWorld ? [readFileSync(join(program.folder, `world ${part.id}`), 'utf8')] : [];
  const texts = [...(extra === undefined ? [] : [String(extra)]), ...inputs.map(({ read }) => read), ...world];
  const value = numberOf(part, texts);
  if (part.gives === 'value') return plainKnown(value);
  const file = { path: program.madePath(node), content: String(value), restorable: part.gives === 'restorable' };
  const text = JSON.stringify([part.gives, file]);
  return { text, files: [file], read: part.gives === 'list' ? `{[${value}],${value}}` : String(value) };
}

function sourceKnown(program: Program, name: string): Known {
  const paths = Array.from({ length: SOURCES }, (_, source) => program.sourcePath(source)).filter(existsSync);
  const wanted = name === 'sources' ? paths : [program.sourcePath(Number(name.at(-1)))];
  const files = wanted.map((path) => ({ path, content: readFileSync(path, 'utf8'), restorable: false }));
  const all = files.map(({ content }) => content).join();
  return { text: JSON.stringify(files), files, read: name === 'sources' ? `[${all}]` : all };
}

/** What a graph says that a result is. */
function shown(result: unknown): string {
  const files: string[] = [];
  // Its own toJSON would come first.
  const plain = JSON.stringify({ result }, function (this: any, key, one) {
    const file = this[key];
    if (!(file instanceof FileResult)) return one;
    files.push(readFileSync(file.path, 'utf8'));
    return { path: file.path };
  });
  return `${plain} ${JSON.stringify(files)}`;
}

function shownOf({ text, files }: Known, node: Node): string {
  if (files.length === 0) return `{"result":${text}} []`;
  const [{ path, content }] = files as [Known['files'][number]];
  const plain = node.part.gives === 'list' ? { files: [{ path }], value: Number(content) } : { path };
  return `${JSON.stringify({ result: plain })} ${JSON.stringify([content])}`;
}

// The model of what a store keeps: whatever is certain to be there.

interface Kept {
  readonly key: string;
  readonly known: Known;
  readonly atMs: number;
  readonly isHash: boolean;
}

class Shelf {
  readonly variants: number;
  readonly #kept = new Map<string, Kept[]>();
  readonly #failures = new Map<string, { readonly key: string; readonly atMs: number }>();
  /** From what results were given that may have been saved. */
  readonly #gifts = new Map<string, Set<string>>();

  constructor(variants: number) {
    this.variants = variants;
  }

  kept(name: string, key: string): Kept | undefined {
    return this.#kept.get(name)?.find((one) => one.key === key);
  }

  failure(name: string, key: string): number | undefined {
    const failure = this.#failures.get(name);
    return failure?.key === key ? failure.atMs : undefined;
  }

  mayBeGift(name: string, key: string): boolean {
    return this.#gifts.get(name)?.has(key) ?? false;
  }

  mayKeepGift(name: string, key: string): void {
    this.#gifts.set(name, (this.#gifts.get(name) ?? new Set()).add(key));
  }

  keep(name: string, kept: Kept): void {
    const others = (this.#kept.get(name) ?? []).filter(({ key }) => key !== kept.key);
    this.#kept.set(name, [...others, kept].slice(-this.variants));
    this.#failures.delete(name);
  }

  keepFailure(
    name: string,
    {
      key,
      atMs,
      isKept,
      isOfFunction,
    }: { readonly key: string; readonly atMs: number; readonly isKept: boolean; readonly isOfFunction: boolean },
  ): void {
    const others = (this.#kept.get(name) ?? []).filter((one) => one.key !== key);
    // One that is kept takes the place of another.
    this.#kept.set(name, isKept && isOfFunction ? others.slice(-(this.variants - 1) || others.length) : others);
    if (isOfFunction) this.#failures.set(name, { key, atMs });
    else this.#failures.delete(name);
  }

  forgetFailure(name: string): void {
    this.#failures.delete(name);
  }

  forget(name: string): void {
    this.#kept.delete(name);
    this.#failures.delete(name);
  }

  /** It was reset: that is for certain. */
  drop(name: string): void {
    this.forget(name);
    this.#gifts.delete(name);
  }

  forgetAllBut(names: readonly string[]): void {
    for (const name of new Set([...this.#kept.keys(), ...this.#failures.keys()]))
      if (!names.includes(name)) this.forget(name);
  }
}

// One program, from its first start to its last.

class Life {
  readonly program: Program;
  readonly #shelf: Shelf;
  readonly #open: (options?: AnyStoreOptions) => OutcomeStore;
  readonly #make: (store: OutcomeStore, clock: Clock) => Executor;
  readonly #variants: number;
  #nowMs = 1_000_000;
  readonly #clock: Clock = { ...systemClock, now: () => this.#nowMs };

  constructor(kind: StoreKind, make: Life['makeExecutor'], usesModule: boolean, variants: number) {
    const place = join(folder, String(++caseCount));
    disk.makeFolder(place);
    this.program = new Program(place, usesModule);
    this.#shelf = new Shelf(variants);
    this.#open = kind.make(place);
    this.#make = make;
    this.#variants = variants;
  }

  get makeExecutor(): (store: OutcomeStore, clock: Clock) => Executor {
    return this.#make;
  }

  end(): void {
    rmSync(this.program.folder, { recursive: true, force: true });
  }

  async session({ edits, acts, only, ends, after, prunes, forgetsLooks, again }: Session): Promise<void> {
    this.#nowMs += STEP_MS;
    for (const one of edits) this.program.edit(one);
    if (forgetsLooks) forgetLooks();
    const store = this.#open({ variants: this.#variants, detect: 'closure' });
    const executor = this.#make(store, this.#clock);
    const graph = this.program.build();
    if (prunes && 'prune' in store) {
      (store as LocalStore).prune(graph);
      this.#shelf.forgetAllBut(this.program.nodes.map(({ name }) => name));
    }
    const given = new Map<Node, { isToSave: boolean }>();
    try {
      await this.#run(graph, store, executor, { acts, only, ends, after, given, isFirst: true });
      if (again === undefined || ends === 'store fails') return;
      for (const one of again.edits) this.program.edit(one, true);
      await this.#run(graph, store, executor, {
        acts: again.acts,
        only: [],
        ends: 'well',
        after: 0,
        given,
        isFirst: false,
      });
    } finally {
      await executor.close();
      await store.close();
    }
  }

  async #run(
    graph: TaskGraph,
    store: OutcomeStore,
    executor: Executor,
    {
      acts,
      only,
      ends,
      after,
      given,
      isFirst,
    }: Pick<Session, 'acts' | 'only' | 'ends' | 'after'> & {
      readonly given: Map<Node, { isToSave: boolean }>;
      readonly isFirst: boolean;
    },
  ): Promise<void> {
    const { program } = this;
    const { nodes } = program;
    const before = new Map(nodes.map(({ name }) => [name, graph.status(name)]));
    const reset = new Set<Node>();
    for (const { kind, task } of acts) {
      const node = nodes[task % nodes.length]!;
      switch (kind) {
        case 'reset':
          graph.reset(node.name);
          for (const one of withDescendants(program, node)) reset.add(one);
          for (const one of withDescendants(program, node)) this.#shelf.drop(one.name);
          break;
        case 'again':
          graph.reset(node.name, { descendants: false });
          reset.add(node);
          this.#shelf.drop(node.name);
          break;
        case 'give':
        case 'save':
          graph.markDone(node.name, GIFT as never, { save: kind === 'save' } as never);
          reset.delete(node);
          given.set(node, { isToSave: kind === 'save' });
          continue;
        case 'resetFailed':
          for (const one of nodes) if (graph.status(one.name) === 'failed') this.#shelf.forgetFailure(one.name);
          graph.resetFailed();
          continue;
        default:
          kind satisfies never;
      }
      for (const one of reset) given.delete(one);
    }
    const wanted = only.map((one) => nodes[one % nodes.length]!);
    const options = wanted.length === 0 ? {} : { only: wanted.map(({ name }) => name) };
    const selected = wanted.length === 0 ? new Set(nodes) : withAncestors(wanted, given);
    const plan = new Map(
      (await executor.plan(graph, options)).map(({ task, verdict, why }) => [task, { verdict, why }]),
    );
    /** What each file that was made is before the run. */
    const onDisk = new Map(
      nodes.map((node) => {
        const path = program.madePath(node);
        return [path, existsSync(path) ? readFileSync(path, 'utf8') : undefined] as const;
      }),
    );

    const callsPath = join(program.folder, 'calls');
    writeFileSync(callsPath, '');
    const controller = new AbortController();
    const told: { readonly task: string; readonly status: 'done' | 'failed'; readonly source: string }[] = [];
    const onDone = ({ task, source }: { readonly task: string; readonly source: string }) => {
      told.push({ task, status: 'done', source });
      if (ends === 'aborted' && told.length > after) controller.abort(new Error('enough'));
    };
    const onFailed = ({ task, source }: any) => void told.push({ task, status: 'failed', source: source ?? 'run' });
    executor.on('task:done', onDone).on('task:failed', onFailed);
    const unsaved = ends === 'store fails' ? failAfter(store, after) : new Set<string>();
    let rejected: unknown;
    await (async () =>
      executor.run(graph, {
        ...options,
        ...(ends === 'stopped' ? { onFailure: 'stop' as const } : {}),
        signal: controller.signal,
      }))().catch((error) => {
      rejected = error;
    });
    executor.off('task:done', onDone).off('task:failed', onFailed);
    const called = new Map<string, number>();
    for (const line of readFileSync(callsPath, 'utf8')
      .split('\n')
      .filter((one) => one !== '')) {
      const name = JSON.parse(line) as string;
      called.set(name, (called.get(name) ?? 0) + 1);
    }
    const isCut = rejected !== undefined || (ends === 'stopped' && told.some(({ status }) => status === 'failed'));
    if (rejected !== undefined) expect((rejected as Error).message).toMatch(/was aborted|the disk is full|failed:/);
    const hasFailed = told.some(({ status }) => status === 'failed');

    // What each comes to, by what its inputs are.
    const knownOf = new Map<Input, Known>();
    for (const name of ['source 0', 'source 1', 'sources']) {
      const number = name === 'sources' ? undefined : Number(name.at(-1));
      if (number === undefined || existsSync(program.sourcePath(number))) knownOf.set(name, sourceKnown(program, name));
    }
    const whyOf = (node: Node) =>
      `${node.name}: ${graph.explain(node.name)}; planned ${JSON.stringify(plan.get(node.name))}; told ${JSON.stringify(told)}`;
    for (const node of nodes) {
      const { name } = node;
      const status = graph.status(name);
      const count = called.get(name) ?? 0;
      const why = whyOf(node);
      expect(count, why).toBeLessThanOrEqual(1);
      const inputs = node.dependsOn.map((input) => knownOf.get(input));
      const areKnown = inputs.every((one) => one !== undefined);
      const key = areKnown ? keyOf(program, node, inputs) : undefined;
      const gift = given.get(node);
      const kept = key === undefined ? undefined : this.#shelf.kept(name, key);

      // Nothing that is wrong.
      const isLookedAt = selected.has(node);
      const isGift = gift !== undefined || (count === 0 && key !== undefined && this.#shelf.mayBeGift(name, key));
      const expected: Known | undefined =
        isGift && status === 'done' && graph.result(name) === GIFT
          ? plainKnown(GIFT)
          : areKnown
            ? madeBy(program, node, inputs as Known[])
            : undefined;
      if (expected !== undefined) knownOf.set(node, expected);
      if (status === 'done' && isLookedAt && !isCut) {
        expect(expected, why).toBeDefined();
        if (isFirst || count > 0) expect(shown(graph.result(name)), why).toBe(shownOf(expected!, node));
      }

      // Nothing without a reason.
      if (count > 0) {
        expect(selected.has(node), why).toBe(true);
        expect(gift, why).toBeUndefined();
        const reason = this.#reason(node, key, kept, reset, {
          onDisk,
          called,
          selected,
          isLoose: isCut || hasFailed,
        });
        expect(reason, why).toBeDefined();
        expect(
          ['runs', 'may run', ...(node.isChecked ? ['kept'] : []), ...(isCut || hasFailed ? ['not needed'] : [])],
          why,
        ).toContain(plan.get(name)?.verdict);
        if (status === 'done') expect(graph.explain(name)).toMatch(/^ran: /);
      } else if (status === 'done' && gift === undefined && before.get(name) !== 'done') {
        expect(['kept', 'may run', 'not needed'], why).toContain(plan.get(name)?.verdict);
        expect(graph.explain(name)).toMatch(/^kept: /);
        // What has to run has run.
        expect(node.always || reset.has(node), why).toBe(false);
        if (kept !== undefined && node.expires) expect(this.#nowMs - kept.atMs, why).toBeLessThan(EXPIRES_MS);
      }
      if (!isCut && !hasFailed && count === 0 && plan.get(name)?.verdict === 'runs') expect.fail(`planned: ${why}`);

      // What is kept from now on.
      const last = told.findLast(({ task }) => task === name);
      if (gift?.isToSave && key !== undefined) this.#shelf.mayKeepGift(name, key);
      if (unsaved.has(name)) this.#shelf.forget(name);
      else if (gift !== undefined) {
        if (gift.isToSave && !isCut && !hasFailed && key !== undefined && selected.size === nodes.length) {
          this.#shelf.keep(name, { key, known: plainKnown(GIFT), atMs: this.#nowMs, isHash: false });
        } else if (gift.isToSave) this.#shelf.forget(name);
        if (!isCut) gift.isToSave &&= key === undefined;
      } else if (count > 0) {
        if (last?.status === 'done' && last.source === 'run' && key !== undefined && expected !== undefined)
          this.#shelf.keep(name, { key, known: expected, atMs: this.#nowMs, isHash: node.transient });
        else if (last?.status === 'failed' && key !== undefined && ends !== 'store fails')
          // What its function threw alone is kept, and not that its result does not fit its schema.
          this.#shelf.keepFailure(name, {
            key,
            atMs: this.#nowMs,
            isKept: node.keepFailures,
            isOfFunction: !(graph.failure(name) instanceof SchemaError),
          });
        else this.#shelf.forget(name);
      }
    }
  }

  #reason(
    node: Node,
    key: string | undefined,
    kept: Kept | undefined,
    reset: ReadonlySet<Node>,
    seen: {
      readonly onDisk: ReadonlyMap<string, string | undefined>;
      readonly called: ReadonlyMap<string, number>;
      readonly selected: ReadonlySet<Node>;
      readonly isLoose: boolean;
    },
  ): string | undefined {
    const { name, always, expires, keepFailures, transient } = node;
    if (always) return 'always';
    if (reset.has(node)) return 'reset';
    if (key === undefined) return 'its inputs are not known';
    if (kept === undefined) {
      const failedAtMs = this.#shelf.failure(name, key);
      const holds = keepFailures && failedAtMs !== undefined && this.#nowMs - failedAtMs < EXPIRES_MS;
      return holds ? undefined : 'not made from this before';
    }
    if (expires && this.#nowMs - kept.atMs >= EXPIRES_MS) return 'expired';
    if (node.isChecked && kept.known.text === '3') return 'does not fit';
    const lost = kept.known.files.some(
      ({ path, content, restorable }) => !restorable && seen.onDisk.get(path) !== content,
    );
    if (lost) return 'its file is not what it was';
    if (!kept.isHash) return undefined;
    if (node.isChecked) return 'its schema has nothing to be asked about';
    if (!transient) return 'its result was not stored';
    const takers = this.program.nodes.filter((one) => one.dependsOn.includes(node) && seen.selected.has(one));
    if (takers.length === 0 || seen.isLoose) return 'its result is what the run is for';
    return takers.some((one) => seen.called.has(one.name)) ? 'it is needed' : undefined;
  }
}

function keyOf(program: Program, node: Node, inputs: readonly (Known | undefined)[]): string {
  const { part, isVersioned, isArgument, extra, dependsOn, after, always } = node;
  return JSON.stringify([
    isVersioned ? program.versionOf(node) : isArgument ? '' : part,
    // What the code of a task is that runs anyway is not kept.
    isVersioned,
    !isVersioned && always,
    isArgument ? part : '',
    extra,
    dependsOn.map(nameOf),
    after
      .filter((one) => !dependsOn.includes(one))
      .map(nameOf)
      .sort(),
    inputs.map((known) => known!.text),
  ]);
}

function withDescendants({ nodes }: Program, node: Node): Set<Node> {
  const found = new Set([node]);
  for (const one of nodes)
    if ([...one.dependsOn, ...one.after].some((input) => isNode(input) && found.has(input))) found.add(one);
  return found;
}

function withAncestors(wanted: readonly Node[], given: ReadonlyMap<Node, unknown>): Set<Node> {
  const found = new Set<Node>();
  const stack = [...wanted];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (found.has(node) || given.has(node)) continue;
    found.add(node);
    stack.push(...node.dependsOn.filter(isNode), ...node.after);
  }
  return found;
}

/** The disk is full once. @returns the task that this has happened to */
function failAfter(store: OutcomeStore, saves: number): ReadonlySet<string> {
  const save = store.save.bind(store);
  let left = saves;
  const unsaved = new Set<string>();
  store.save = (graph, key, bytes) => {
    if (left-- !== 0) return save(graph, key, bytes);
    // Of a task whose file could not be saved, nothing is.
    unsaved.add(contentIn(graph)?.task ?? variantOf(key).task);
    throw new Error('the disk is full');
  };
  return unsaved;
}

const SEED = 20_261_201;
const EXECUTORS: readonly [string, number, (store: OutcomeStore, clock: Clock) => Executor][] = [
  ['SyncExecutor', 4, (store, clock) => new SyncExecutor({ store, clock })],
  ['AsyncExecutor', 4, (store, clock) => new AsyncExecutor({ store, clock, concurrency: 3 })],
  ['ParallelExecutor', 1, (store, clock) => new ParallelExecutor({ store, clock, workers: 2 })],
];

describe.each(EXECUTORS)('%s', (executorName, runs, make) => {
  test.each(STORE_KINDS.filter(({ isSync }) => isSync || executorName !== 'SyncExecutor'))(
    'with $name serves nothing stale and runs nothing without a reason',
    async (kind) => {
      const property = fc.asyncProperty(program, async ({ first, size, variants, isOld, sessions }) => {
        vi.restoreAllMocks();
        if (isOld) vi.spyOn(disk, 'now').mockImplementation(() => Date.now() + 60_000);
        const life = new Life(kind, make, executorName === 'ParallelExecutor', variants);
        for (let at = 0; at < size; at++) life.program.add(first[at % first.length]!.to + at);
        for (const one of first.slice(size)) life.program.edit(one);
        for (const one of sessions) await life.session(one);
        life.end();
      });
      // The same programs each time, unless others are asked for. To make a smaller one of one that fails takes minutes.
      await fc.assert(property, { seed: SEED, ...propertyOptions(runs), endOnFailure: true });
    },
  );
});
