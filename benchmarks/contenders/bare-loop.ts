import type { Contender } from './contender.js';

export const BARE_LOOP = 'bare loop';

/** What one writes by hand if nothing ever fails, waits or changes: the same few lines for every shape. */
export const bareLoop: Contender = {
  name: BARE_LOOP,
  peer: BARE_LOOP,
  prepare: ({ dependencyIds, functions }) => ({
    run() {
      const results: number[] = [];
      for (let task = 0; task < functions.length; task++) {
        const args: number[] = [];
        for (const dependency of dependencyIds[task]!) args.push(results[dependency]!);
        results.push(functions[task]!(...args));
      }
      return (task) => results[task];
    },
  }),
};
