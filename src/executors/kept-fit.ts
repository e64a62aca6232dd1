import { plainHash } from '../codec/plain-hash.js';
import { described, issuesText } from '../errors.js';
import { goOn } from '../files/in-turn.js';
import { type Decision, unreadable } from '../graph/decision.js';
import { type Checked, checkedBy } from '../graph/standard-schema.js';
import type { TaskSettings } from '../graph/task.js';
import type { Recalled } from '../store/run-memory.js';

/**
 * Holds what a store has kept of a task against the schema of the task as it is now. It fits if the schema makes of it
 * what it is; or where the schema of the time made something else of what the function returned, if that of today does
 * the same.
 *
 * @param refuse - told why it does not
 */
export function fitting(
  { returns: schema, version }: Pick<TaskSettings, 'returns' | 'version'>,
  recalled: Recalled | Promise<Recalled>,
  isAsync: boolean,
  refuse: (decision: Decision) => void,
): Recalled | Promise<Recalled> {
  return goOn(recalled, (kept) => {
    if (kept === undefined || !('held' in kept) || kept.source === 'graph') return kept;
    const { returned } = kept;
    if (schema === undefined && returned === undefined) return kept;
    if (schema === undefined || (returned !== undefined && returned.read === undefined && version === '')) {
      const what = schema === undefined ? 'it has none any more' : 'what its function returned could not be stored';
      refuse({ verdict: 'runs', why: `its schema had made something else of what it returned, and ${what}` });
      return undefined;
    }
    const refused = (why: string): undefined => {
      refuse({ verdict: 'runs', why: `what is stored of it does not fit its schema: ${why}` });
    };
    const judged = (checked: Checked): Recalled => {
      if ('issues' in checked) return refused(issuesText(checked.issues));
      return isSame(kept.held.value, checked.value) ? kept : refused('the schema makes something else of it');
    };
    const threw = (error: unknown) => refused(described(error));
    let result: unknown;
    try {
      result = kept.held.value;
      if (returned?.read !== undefined) result = returned.read();
    } catch (error) {
      refuse(unreadable(error));
      return { error };
    }
    try {
      const checked = checkedBy(schema, result);
      if (!(checked instanceof Promise)) return judged(checked);
      if (isAsync) return checked.then(judged, threw);
      // The task runs, and its attempt says what is wrong.
      checked.catch(() => {});
      return refused('it returns a promise');
    } catch (error) {
      return threw(error);
    }
  });
}

/** Whether two results are the same, as far as that can be told. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  const hash = plainHash(a);
  return hash !== undefined && hash === plainHash(b);
}
