import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WorkerOrder } from './worker.js';

export const PROCESSES = 3;

/** The worker processes of one contender. */
export class WorkerProcesses {
  readonly pids: readonly number[];
  readonly #processes: readonly ChildProcess[];

  private constructor(processes: readonly ChildProcess[]) {
    this.#processes = processes;
    this.pids = processes.map(({ pid }) => pid!);
  }

  /** @returns once all of them take jobs */
  static async start(order: WorkerOrder): Promise<WorkerProcesses> {
    const program = fileURLToPath(new URL('./worker.js', import.meta.url));
    const processes = Array.from({ length: PROCESSES }, () => fork(program, [JSON.stringify(order)]));
    await Promise.all(
      processes.map(async (one) => {
        const ended = once(one, 'exit').then(() => {
          throw new Error('A worker process ended before it was ready.');
        });
        await Promise.race([once(one, 'message'), ended]);
        ended.catch(() => {});
      }),
    );
    return new WorkerProcesses(processes);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#processes.map(async (one) => {
        if (one.exitCode !== null) return;
        const gone = once(one, 'exit');
        one.send('close');
        await gone;
      }),
    );
  }
}
