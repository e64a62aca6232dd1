import type { SchemaIssue } from '../errors.js';
import { isThenable } from './thenable.js';

/**
 * A schema of any library that follows Standard Schema, such as zod, valibot and arktype: see https://standardschema.dev.
 * This is all that is needed of one.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    /** The library. */
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaVerdict<Output> | Promise<SchemaVerdict<Output>>;
    /** For the compiler alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value. */
export type SchemaVerdict<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/** Whether it is a schema. Those of some libraries are functions. */
export function isSchema(value: unknown): value is StandardSchema {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  const standard = isObject ? (value as Partial<StandardSchema>)['~standard'] : undefined;
  return standard?.version === 1 && typeof standard.validate === 'function';
}

/** The value that a schema makes of one, or what does not fit in it. */
export type Checked = { readonly value: unknown } | { readonly issues: readonly SchemaIssue[] };

/** Holds a value against a schema, which may take a while. */
export function checkedBy(schema: StandardSchema, value: unknown): Checked | Promise<Checked> {
  const verdict = schema['~standard'].validate(value);
  return isThenable(verdict) ? Promise.resolve(verdict).then(checkedOf) : checkedOf(verdict);
}

function checkedOf(verdict: SchemaVerdict<unknown>): Checked {
  if (verdict.issues === undefined) return { value: verdict.value };
  const pathOf = (path: readonly (PropertyKey | { readonly key: PropertyKey })[] = []) =>
    path.map((part) => (typeof part === 'object' ? part.key : part));
  return { issues: verdict.issues.map(({ message, path }) => ({ message, path: pathOf(path) })) };
}
