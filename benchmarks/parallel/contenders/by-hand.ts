import type { Kernel, ThreadGraph } from '../thread-graph.js';
import type { PreparedGraph } from './thread-contender.js';

/** Hands one call to a pool. */
export type Call = (kernel: Kernel, args: unknown[]) => PromiseLike<unknown>;

/** What one writes by hand around a pool that knows no dependencies: a task is called when the promises of its dependencies have been fulfilled. */
export function runByHand({ tasks }: ThreadGraph, call: Call): PreparedGraph {
  return {
    async run() {
      const promises: Promise<unknown>[] = [];
      for (const { kernel, amount, dependencies } of tasks) promises.push(started(kernel, amount, dependencies));
      const results = await Promise.all(promises);
      return (task) => results[task];

      async function started(kernel: Kernel, amount: number, dependencies: readonly number[]): Promise<unknown> {
        if (dependencies.length === 0) return call(kernel, [amount]);
        return call(kernel, [amount, ...(await Promise.all(dependencies.map((dependency) => promises[dependency])))]);
      }
    },
  };
}
