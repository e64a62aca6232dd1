/** What JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** Plain data about a task, for whoever looks on: a host, a group, an owner. */
export type TaskMeta = { readonly [key: string]: JsonValue | undefined };

/** A copy of it that stays as it is; `undefined` if it is not what JSON can hold. */
export function frozenMeta(value: unknown): TaskMeta | undefined {
  try {
    const text = JSON.stringify(value);
    const copy = frozen(JSON.parse(text));
    return isSameData(value, copy) && isNamed(copy) ? copy : undefined;
  } catch {
    return undefined;
  }
}

/** Whether data holds all members of other data, and those alike. */
export function matches(meta: TaskMeta | undefined, wanted: TaskMeta): boolean {
  return meta !== undefined && Object.entries(wanted).every(([key, value]) => isSameData(meta[key], value));
}

function isNamed(value: unknown): value is TaskMeta {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

/** Whether two values are alike as JSON: a member that is `undefined` is none. */
function isSameData(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [inA, inB] = [definedIn(a), definedIn(b)];
  return (
    inA.length === inB.length && inA.every(([key, value]) => isSameData(value, (b as Record<string, unknown>)[key]))
  );
}

function definedIn(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, one]) => one !== undefined);
}
