/*
 * The types behind the builder: how results become arguments, and what the compiler prints when they do not fit. They are exported because
 * the declarations that TypeScript writes for a user's own builder name them; nobody needs to write them by hand.
 */

import type { StandardSchema } from './standard-schema.js';
import type { TaskFunction } from './task.js';

declare const takes: unique symbol;
declare const gives: unique symbol;
declare const message: unique symbol;

/**
 * A typed reference to a task, good wherever a task's name is. `.task(…)` returns one. `R` is what the function returns: a list of async tasks
 * is a `TaskHandle<string, any, Promise<Page>>[]`.
 */
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
export type ParametersOf<F> = F extends (...args: infer P extends readonly any[]) => unknown ? P : never;
/** The return type of a function. */
export type ReturnOf<F> = F extends (...args: never) => infer R ? R : never;
/**
 * Whether a function can be called with these arguments. An overloaded one counts by its last overload, as in `ReturnOf`: were another one to
 * match, its result would be of another type than the graph says.
 */
export type Takes<F, Args extends readonly unknown[]> = F extends (...args: Args) => ReturnOf<F> ? true : false;

type Nothing = void | undefined;
type IsAny<T> = 0 extends 1 & T ? true : false;
/** `any`, `unknown` and `never`: nothing can be told of whether it is `undefined`. */
type IsOpen<T> = [T] extends [never] ? true : unknown extends T ? true : false;
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

/**
 * The tasks of a graph: each name with the signature of its function, which says more than its declaration where it has both. A builder that knows no name,
 * because its tasks came from data or were added in statements, makes a graph that takes any.
 */
export type TasksOf<Declared, Added extends AnyTask> = [keyof Declared | Added['name']] extends [never]
  ? UnknownTasks
  : Simplify<
      { [K in keyof Declared as Exclude<K, Added['name']>]: Declared[K] } & {
        [T in Added as T['name']]: T extends TaskHandle<any, infer A, infer R> ? (...results: A) => R : never;
      }
    >;
/** Tasks of which the compiler knows nothing: any name may be one, and its result is unknown. */
export type UnknownTasks = { [name: string]: (...results: any[]) => unknown };

/**
 * Results as arguments. One that is always `undefined` vanishes. One that is sometimes `undefined` is `T | undefined` in last place, and
 * elsewhere makes a union of tuples, since those after it move up. One that is `never`, of a function that always throws, is an argument too:
 * whoever depends on it is never called, and may expect anything.
 */
export type Fed<Rs extends readonly unknown[]> = number extends Rs['length']
  ? FedOpen<Rs>
  : Rs extends readonly [...infer Init, infer Last]
    ? FedOne<Last> extends []
      ? Fed<Init>
      : [...FedInit<Init>, FedLast<Last>]
    : [];
type FedOpen<Rs extends readonly unknown[], Out extends readonly unknown[] = []> = Rs extends readonly [
  infer R,
  ...infer Rest,
]
  ? FedOpen<Rest, [...Out, ...FedOne<R>]>
  : Rs extends readonly [...infer Init, infer R]
    ? [...FedOpen<Init, Out>, ...FedOne<R>]
    : FedOne<Rs[number]> extends []
      ? Out
      : [...Out, ...Exclude<Rs[number], Nothing>[]];
type FedInit<Rs extends readonly unknown[], Out extends readonly unknown[] = []> = Rs extends readonly [
  infer R,
  ...infer Rest,
]
  ? FedInit<Rest, [...Out, ...FedOne<R>]>
  : Out;
type FedOne<R> =
  IsOpen<R> extends true
    ? [R]
    : [R] extends [Nothing]
      ? []
      : [Extract<R, Nothing>] extends [never]
        ? [R]
        : [] | [Exclude<R, Nothing>];
/** `void` is what a function may return; what the next one gets is `undefined`. */
type FedLast<R> = IsOpen<R> extends true ? R : [Extract<R, void>] extends [never] ? R : Exclude<R, Nothing> | undefined;

/** What the function of a declared task may return. */
export type Returned<Declared, N> = N extends keyof Declared
  ? ResultOf<Declared[N]> | PromiseLike<ResultOf<Declared[N]>>
  : unknown;

/** The dependencies themselves if the function can take their results, else a type that says what does not fit. */
export type Accepted<F, Rs extends readonly unknown[], D> =
  Takes<F, Fed<Rs>> extends true
    ? D
    : Takes<F, Begun<Rs>> extends true
      ? D
      : { [I in keyof D]: ArgumentMismatch<{ given: Fed<Rs>; takes: ParametersOf<F> }> };
/** The first arguments, with more to come from a further `dependsOn`. Behind a list of unknown length nothing can come: its end is not known. */
type Begun<Rs extends readonly unknown[]> = number extends Rs['length'] ? Fed<Rs> : [...Fed<Rs>, ...any[]];

/** A schema of any types. */
export type AnySchema = StandardSchema<any, any>;
/** What a schema takes. */
export type SchemaInput<S extends AnySchema> = NonNullable<S['~standard']['types']>['input'];
/** What a schema makes of it. */
export type SchemaOutput<S extends AnySchema> = NonNullable<S['~standard']['types']>['output'];
/**
 * The schema itself if it takes what the function returns, else a type that says what does not fit. A result of which
 * nothing is known is what schemas are for: any will do.
 */
export type FittingSchema<Declared, N, F, S extends AnySchema> = (
  IsOpen<ResultOf<F>> extends true
    ? true
    : [ResultOf<F>] extends [SchemaInput<S>]
      ? true
      : false
) extends true
  ? N extends keyof Declared
    ? [SchemaOutput<S>] extends [ResultOf<Declared[N]>]
      ? S
      : ResultMismatch<{ declared: ResultOf<Declared[N]>; returned: SchemaOutput<S> }>
    : S
  : SchemaMismatch<{ returned: ResultOf<F>; takes: SchemaInput<S> }>;
/** A function whose result has become what a schema makes of it. */
export type Returning<F, S extends AnySchema> = (
  ...results: ParametersOf<F>
) => ReturnOf<F> extends PromiseLike<unknown> ? Promise<SchemaOutput<S>> : SchemaOutput<S>;

/** Any string. The declared names are named apart so that editors offer them. */
export type AnyName<Declared> = (keyof Declared & string) | (string & {});

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

/**
 * Checks each list of dependencies against its function; a function that takes arguments must have a list. One mapped type over `F`, and not one
 * over `D`: otherwise a parameter without a type, as in `(n = 1) => n`, makes the compiler forget all of `F`.
 */
export type DependencyLists<Declared, Added extends AnyTask, F, D> = {
  readonly [K in keyof F as K extends keyof D ? K : Takes<F[K], []> extends true ? never : K]: K extends keyof D
    ? D[K] extends readonly unknown[]
      ? Takes<F[K], Fed<ResultsFor<Declared, Added, D[K]>>> extends true
        ? D[K]
        : {
            [I in keyof D[K]]: ArgumentMismatch<{
              given: Fed<ResultsFor<Declared, Added, D[K]>>;
              takes: ParametersOf<F[K]>;
            }>;
          }
      : D[K]
    : readonly (keyof F)[];
};

/** What may take a function's place: the same arguments, the same result, async only where it was async. */
export type Replacement<F> =
  IsAny<F> extends true ? TaskFunction : (...results: ParametersOf<F>) => ReturnOf<F> | ResultOf<F>;
/** A result to mark a task done with; it may be left out where the result may be `undefined`. */
export type MarkedResult<R> = [R] extends [void]
  ? [result?: undefined, options?: MarkedOptions]
  : undefined extends R
    ? [result?: R, options?: MarkedOptions]
    : [result: R, options?: MarkedOptions];

/** What `graph.markDone` can be told besides the result. */
export interface MarkedOptions {
  /** The next run with a store saves the result, as if the task had returned it. Default false. */
  readonly save?: boolean | undefined;
}

type AsyncNames<T> = {
  // A result that may be anything is not known to be a promise, and a function that always throws returns none.
  [K in keyof T]: IsOpen<ReturnOf<T[K]>> extends true ? never : ReturnOf<T[K]> extends PromiseLike<unknown> ? K : never;
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
/** Printed by the compiler: the schema does not take what the function returns. */
export interface SchemaMismatch<Why> {
  readonly [message]: Why;
}
/** Printed by the compiler: these tasks return promises, which SyncExecutor does not wait for. */
export interface AsyncTasks<Names> {
  readonly 'these tasks are async: use an AsyncExecutor': Names;
}
