import { auto } from 'async';
import type { Contender } from './contender.js';
import { MEMOISED_PROMISES } from './memoised-promises.js';

export const ASYNC_AUTO = 'async.auto';

export const asyncAuto: Contender = {
  name: ASYNC_AUTO,
  peer: MEMOISED_PROMISES,
  limit: { size: 1_000, why: 'it looks at all tasks once for each task: a run of 10k takes some 10 s' },
  prepare({ names, dependencies, asyncFunctions }) {
    const tasks = Object.fromEntries(
      names.map((name, task) => {
        const needed = dependencies[task]!;
        const fn = asyncFunctions[task]!;
        if (needed.length === 0) return [name, async () => fn()];
        return [
          name,
          [
            ...needed,
            async (results: Record<string, number>) => fn(...needed.map((dependency) => results[dependency]!)),
          ],
        ];
      }),
    );
    return {
      async run() {
        const results = await auto<Record<string, number>>(tasks as never);
        return (task) => results[names[task]!];
      },
    };
  },
};
