import { plainHash } from '../codec/plain-hash.js';
import { described, issuesText } from '../errors.js';
import { type Checked, checkedBy, type StandardSchema } from '../graph/standard-schema.js';
import type { StoredOutcome } from './outcome-codec.js';

/** The result of a task by its schema as it is now, or why it has none, as the second half of a sentence. */
export type Shaped = { readonly result: unknown } | { readonly why: string };

/**
 * Has the schema of a task make its result of what a store has kept. If that is what the function returned, then so it
 * would be if the task ran. Of anything else this is known only if the schema makes of it what it is.
 *
 * @throws {@link UnreadableOutcomeError}
 */
export function shapedBy(schema: StandardSchema, stored: StoredOutcome, isAsync: boolean): Shaped | Promise<Shaped> {
  const kept = stored.value();
  const refused = (why: string): Shaped => ({ why: `what is stored of it does not fit its schema: ${why}` });
  const judged = (checked: Checked): Shaped => {
    if ('issues' in checked) return refused(issuesText(checked.issues));
    if (stored.more.returned || isSame(kept, checked.value)) return { result: checked.value };
    return refused('the schema makes something else of it');
  };
  const threw = (error: unknown) => refused(described(error));
  try {
    const checked = checkedBy(schema, kept);
    if (!(checked instanceof Promise)) return judged(checked);
    if (isAsync) return checked.then(judged).catch(threw);
    // The task runs, and its attempt says what is wrong.
    checked.catch(() => {});
    return refused('it returns a promise');
  } catch (error) {
    return threw(error);
  }
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  const hash = plainHash(a);
  return hash !== undefined && hash === plainHash(b);
}
