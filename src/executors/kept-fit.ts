import { plainHash } from '../codec/plain-hash.js';
import { described, issuesText } from '../errors.js';
import { goOn } from '../files/in-turn.js';
import { type Decision, unreadable } from '../graph/decision.js';
import { type Checked, checkedBy, type StandardSchema } from '../graph/standard-schema.js';
import type { Recalled } from '../store/run-memory.js';

/**
 * Holds what a store has kept of a task against the schema of the task as it is now. It fits if the schema makes of it
 * what it is.
 *
 * @param refuse - told why it does not
 */
export function fitting(
  schema: StandardSchema,
  recalled: Recalled | Promise<Recalled>,
  isAsync: boolean,
  refuse: (decision: Decision) => void,
): Recalled | Promise<Recalled> {
  return goOn(recalled, (kept) => {
    if (kept === undefined || !('held' in kept) || kept.source === 'graph') return kept;
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

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  const hash = plainHash(a);
  return hash !== undefined && hash === plainHash(b);
}
