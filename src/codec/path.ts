import { described } from '../errors.js';

/** From an object to a part of it: `what` says as what the part is found there, `key` where. */
export interface Step {
  readonly object: object;
  readonly what: 'named' | 'key' | 'value' | 'member';
  readonly key: unknown;
}

const PATH_MAX = 400;

/** The way to a part of a value, as one writes it: `result.rows[3].format`. A very long one without its middle. */
export function pathOf(name: string, steps: readonly Step[]): string {
  const path = steps.reduce((above, { object, what, key }) => {
    switch (what) {
      case 'named':
        return `${above}${named(object, key as string | number)}`;
      case 'key':
        return `a key of ${above}`;
      case 'value':
        return `${above}.get(${described(key)})`;
      case 'member':
        return `a member of ${above}`;
      default:
        return what satisfies never;
    }
  }, name);
  return path.length <= PATH_MAX ? path : `${path.slice(0, PATH_MAX / 2)}…${path.slice(-PATH_MAX / 2)}`;
}

function named(object: object, key: string | number): string {
  if (Array.isArray(object) && /^\d+$/.test(String(key))) return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(String(key)) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
