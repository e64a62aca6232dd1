import { PGraph } from 'p-graph';
import type { Contender } from './contender.js';
import { MEMOISED_PROMISES } from './memoised-promises.js';

export const P_GRAPH = 'p-graph';

/** It hands no results on: the functions put them where their dependents find them. */
export const pGraph: Contender = {
  name: P_GRAPH,
  peer: MEMOISED_PROMISES,
  limit: { size: 100_000, why: 'to build a graph of 1M takes it more than a minute' },
  prepare({ names, dependencies, dependencyIds, asyncFunctions }) {
    let results: number[] = [];
    const nodes = new Map(
      names.map((name, task) => {
        const fn = asyncFunctions[task]!;
        const needed = dependencyIds[task]!;
        const run = async () => {
          results[task] = await fn(...needed.map((dependency) => results[dependency]!));
        };
        return [name, { run }];
      }),
    );
    const edges = names.flatMap((name, task) =>
      dependencies[task]!.map((dependency): [string, string] => [dependency, name]),
    );
    const graph = new PGraph(nodes, edges);
    return {
      reset() {
        results = [];
      },
      async run() {
        await graph.run();
        return (task) => results[task];
      },
    };
  },
};
