import { described } from '../errors.js';

const PATH_MAX = 400;

/**
 * The part of a value that cannot be sent between threads, as a sentence: `result.rows[3].format is a function`; `undefined` if all of it can.
 *
 * @param name - what the whole value is called
 */
export function culprit(value: unknown, name = 'result'): string | undefined {
  const failure = cloneFailure(value);
  if (failure === undefined) return undefined;
  // The engine copies level by level. To look for the level at which it no longer can takes a copy at each.
  if (failure instanceof RangeError && /call stack/i.test(failure.message))
    return `${name} is nested too deep to be copied: keep such a structure in a flat list`;
  const seen = new Set<unknown>();
  let path = name;
  let part = value;
  for (;;) {
    seen.add(part);
    try {
      const inner = partsOf(part, path).find(({ value: one }) => !seen.has(one) && cloneFailure(one) !== undefined);
      if (inner === undefined) return `${shortened(path)} is ${kindOf(part)}`;
      path = inner.path;
      part = inner.value;
    } catch (error) {
      // A getter of it, or the proxy that it is.
      return `${shortened(path)} throws as it is read: ${described(error)}`;
    }
  }
}

interface Part {
  readonly path: string;
  readonly value: unknown;
}

function partsOf(value: unknown, path: string): Part[] {
  if (typeof value !== 'object' || value === null) return [];
  if (value instanceof Map)
    return [...value].flatMap(([key, one]) => [
      { path: `${path}.get(${described(key)})`, value: one },
      { path: `a key of ${path}`, value: key },
    ]);
  if (value instanceof Set) return [...value].map((one) => ({ path: `a member of ${path}`, value: one }));
  return Object.keys(value).map((key) => ({
    path: `${path}${step(value, key)}`,
    value: (value as Record<string, unknown>)[key],
  }));
}

/** The way from an object to a property of it, as one writes it. */
export function step(value: object, key: string): string {
  if (Array.isArray(value)) return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function kindOf(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  return `of a kind that cannot be copied (${Object.prototype.toString.call(value).slice('[object '.length, -1)})`;
}

/** `undefined` if it can be copied. */
function cloneFailure(value: unknown): unknown {
  const type = typeof value;
  if (type === 'function' || type === 'symbol') return type;
  if (type !== 'object' || value === null) return undefined;
  try {
    structuredClone(value);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A path with its middle left out if it is very long. */
export function shortened(path: string): string {
  return path.length <= PATH_MAX ? path : `${path.slice(0, PATH_MAX / 2)}…${path.slice(-PATH_MAX / 2)}`;
}
