/*
 * The types behind the builder: how results become arguments, and what the compiler prints when they do not fit. They are exported because
 * the declarations that TypeScript writes for a user's own builder name them; nobody needs to write them by hand.
 */

declare const takes: unique symbol;
declare const gives: unique symbol;
declare const message: unique symbol;

/** A typed reference to a task, good wherever a task's name is. `.task(…)` returns one. */
export interface TaskHandle<out N extends string = string, in Args extends readonly unknown[] = any, out R = unknown> {
  readonly name: N;
  readonly [takes]: (...results: Args) => void;
  readonly [gives]: R;
}

/** A handle of any task. */
export type AnyTask = TaskHandle<string, any, any>;

/** What a task leaves behind: the return type of its function, awaited. */
export type ResultOf<F> = F extends (...args: never) => infer R ? Awaited<R> : never;
/** The parameters of a function, as a tuple. */
export type ParametersOf<F> = F extends (...args: infer P) => unknown ? P : never;
/** The return type of a function. */
export type ReturnOf<F> = F extends (...args: never) => infer R ? R : never;
/** Whether a function can be called with these arguments. */
export type Takes<F, Args extends readonly unknown[]> = F extends (...args: Args) => unknown ? true : false;

type Nothing = void | undefined;
type IsAny<T> = 0 extends 1 & T ? true : false;
/** The same type, written out. */
export type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** The signature of the task that a name or handle means. */
export type SignatureOf<Declared, Added extends AnyTask, D> = D extends Added['name']
  ? Extract<Added, TaskHandle<D, any, any>> extends TaskHandle<any, infer A, infer R>
    ? (...results: A) => R
    : never
  : D extends keyof Declared
    ? Declared[D]
    : D extends TaskHandle<any, infer A, infer R>
      ? (...results: A) => R
      : never;

/** The result of the task that a name or handle means. */
export type ResultFor<Declared, Added extends AnyTask, D> = D extends Added['name']
  ? Extract<Added, TaskHandle<D, any, any>> extends { readonly [gives]: infer R }
    ? Awaited<R>
    : never
  : D extends keyof Declared
    ? ResultOf<Declared[D]>
    : D extends { readonly [gives]: infer R }
      ? Awaited<R>
      : never;

/** The results of a list of names and handles. */
export type ResultsFor<Declared, Added extends AnyTask, D extends readonly unknown[]> = {
  -readonly [I in keyof D]: ResultFor<Declared, Added, D[I]>;
};

/** The tasks of a graph: each name with the signature of its function. */
export type TasksOf<Declared, Added extends AnyTask> = Simplify<
  Declared & { [T in Added as T['name']]: T extends TaskHandle<any, infer A, infer R> ? (...results: A) => R : never }
>;

/**
 * Results as arguments. One that is always `undefined` vanishes. One that is sometimes `undefined` is `T | undefined` in last place, and
 * elsewhere makes a union of tuples, since those after it move up.
 */
export type Fed<Rs extends readonly unknown[]> = number extends Rs['length']
  ? FedOpen<Rs>
  : Rs extends readonly [...infer Init, infer Last]
    ? IsAny<Last> extends true
      ? [...FedInit<Init>, any]
      : [Last] extends [Nothing]
        ? Fed<Init>
        : [...FedInit<Init>, Last]
    : [];
type FedOpen<Rs extends readonly unknown[], Out extends readonly unknown[] = []> = Rs extends readonly [infer R, ...infer Rest]
  ? FedOpen<Rest, [...Out, ...FedOne<R>]>
  : [...Out, ...Exclude<Rs[number], Nothing>[]];
type FedInit<Rs extends readonly unknown[], Out extends readonly unknown[] = []> = Rs extends readonly [infer R, ...infer Rest]
  ? FedInit<Rest, [...Out, ...FedOne<R>]>
  : Out;
type FedOne<R> =
  IsAny<R> extends true
    ? [any]
    : unknown extends R
      ? [unknown]
      : [R] extends [Nothing]
        ? []
        : [Extract<R, Nothing>] extends [never]
          ? [R]
          : [] | [Exclude<R, Nothing>];

/** What the function of a declared task may return. */
export type Returned<Declared, N> = N extends keyof Declared ? ResultOf<Declared[N]> | PromiseLike<ResultOf<Declared[N]>> : unknown;

/** The dependencies themselves if the function can take their results, else a type that says what does not fit. */
export type Accepted<F, Rs extends readonly unknown[], D> =
  Takes<F, [...Fed<Rs>, ...any[]]> extends true
    ? D
    : Takes<F, Fed<Rs>> extends true
      ? D
      : { [I in keyof D]: ArgumentMismatch<{ given: Fed<Rs>; takes: ParametersOf<F> }> };

/** The name itself if it is free, else a type that says what is wrong with it. */
export type NewName<Declared, Added extends AnyTask, N extends string, R = never> = string extends N
  ? N
  : [N] extends [Added['name']]
    ? NameTaken<N>
    : N extends keyof Declared
      ? [R] extends [ResultOf<Declared[N]>]
        ? N
        : ResultMismatch<{ declared: ResultOf<Declared[N]>; returned: R }>
      : N;

/** The handles so far, and one more. A name that is no literal adds nothing. */
export type Add<Added extends AnyTask, N extends string, Args extends readonly unknown[], R> = string extends N
  ? Added
  : Added | TaskHandle<N, Args, R>;

/** Checks each list of dependencies against its function; a function that takes arguments must have a list. */
export type DependencyLists<Declared, Added extends AnyTask, F, D> = {
  readonly [K in keyof D]: K extends keyof F
    ? D[K] extends readonly unknown[]
      ? Takes<F[K], Fed<ResultsFor<Declared, Added, D[K]>>> extends true
        ? D[K]
        : { [I in keyof D[K]]: ArgumentMismatch<{ given: Fed<ResultsFor<Declared, Added, D[K]>>; takes: ParametersOf<F[K]> }> }
      : D[K]
    : never;
} & { readonly [K in Exclude<keyof F, keyof D> as Takes<F[K], []> extends true ? never : K]: readonly (keyof F)[] };

/** What may take a function's place: the same arguments, the same result, async only where it was async. */
export type Replacement<F> = (...results: ParametersOf<F>) => ReturnOf<F> | ResultOf<F>;
/** A result to mark a task done with; it may be left out where the result may be `undefined`. */
export type MarkedResult<R> = [R] extends [void] ? [] : undefined extends R ? [result?: R] : [result: R];

type AsyncNames<T> = {
  [K in keyof T]: IsAny<ReturnOf<T[K]>> extends true ? never : ReturnOf<T[K]> extends PromiseLike<unknown> ? K : never;
}[keyof T];
/** Accepts a graph without async tasks. */
export type SyncOnly<T> = [AsyncNames<T>] extends [never] ? unknown : AsyncTasks<AsyncNames<T>>;

/** Printed by the compiler: these results do not fit these parameters. */
export interface ArgumentMismatch<Why> {
  readonly [message]: Why;
}
/** Printed by the compiler: the function takes more than the dependencies give; `dependsOn` comes next. */
export interface MissingArguments<Why> {
  readonly [message]: Why;
}
/** Printed by the compiler: this task has no function yet; `run` comes next. */
export interface MissingFunction<Name> {
  readonly [message]: Name;
}
/** Printed by the compiler: the graph has a task of this name. */
export interface NameTaken<Name> {
  readonly [message]: Name;
}
/** Printed by the compiler: the function returns something else than its declaration says. */
export interface ResultMismatch<Why> {
  readonly [message]: Why;
}
/** Printed by the compiler: these tasks return promises, which SyncExecutor does not wait for. */
export interface AsyncTasks<Names> {
  readonly 'these tasks are async: use an AsyncExecutor': Names;
}
