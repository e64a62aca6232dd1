import type { Contender } from './contender.js';

export const MEMOISED_PROMISES = 'memoised promises';

/**
 * The classic: a function that makes each task's promise once. The tasks are asked for in topological order; asked for from the end, it calls itself
 * once for each task of a chain and overflows the stack before 10 000.
 */
export const memoisedPromises: Contender = {
  name: MEMOISED_PROMISES,
  peer: MEMOISED_PROMISES,
  prepare({ names, dependencies, asyncFunctions }) {
    const indexByName = new Map(names.map((name, index) => [name, index]));
    return {
      async run() {
        const get: (name: string) => Promise<number> = memoised(async (name: string) => {
          const task = indexByName.get(name)!;
          return asyncFunctions[task]!(...(await Promise.all(dependencies[task]!.map(get))));
        });
        const results = await Promise.all(names.map(get));
        return (task) => results[task];
      },
    };
  },
};

function memoised<T>(make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    let one = made.get(name);
    if (one === undefined) {
      one = make(name);
      made.set(name, one);
    }
    return one;
  };
}
