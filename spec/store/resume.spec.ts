import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** How many rounds there are for each executor and durability; `RESUME_ROUNDS=25` makes 200 of them in all. */
const ROUNDS = Number(process.env['RESUME_ROUNDS'] ?? 1);
const TASK_COUNT = 48;
const PROGRAM = fileURLToPath(new URL('fixtures/resumed.mts', import.meta.url));
const THREAD = fileURLToPath(new URL('../../src/workers/worker-main.ts', import.meta.url));
const EXECUTORS = ['SyncExecutor', 'AsyncExecutor', 'ParallelExecutor', 'ParallelAsyncExecutor'];

interface Told {
  readonly started: readonly string[];
  readonly done: readonly string[];
  readonly kept: readonly string[];
  readonly results: string | undefined;
  readonly repaired: readonly string[];
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-resume-'));
  // Compiled once, since it is started so often.
  buildSync({
    entryPoints: { program: PROGRAM, 'worker-main': THREAD },
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the program, and kills it once it has told so many tasks as done. */
async function runProgram(
  executor: string,
  durability: string,
  path: string,
  killAfter = Number.POSITIVE_INFINITY,
): Promise<Told> {
  const child = spawn(process.execPath, [join(folder, 'program.js'), executor, durability, path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const told = {
    started: [] as string[],
    done: [] as string[],
    kept: [] as string[],
    repaired: [] as string[],
    results: undefined as string | undefined,
  };
  let complaints = '';
  child.stderr.on('data', (text) => {
    complaints += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  for await (const line of createInterface(child.stdout)) {
    const [word, rest] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
    if (word === 'results') told.results = rest;
    else told[word as 'started' | 'done' | 'kept' | 'repaired'].push(rest);
    if (told.done.length >= killAfter) child.kill('SIGKILL');
  }
  await ended;
  expect(complaints).toBe('');
  return told;
}

describe.each(EXECUTORS)('a program with %s that is killed', (executor) => {
  it.each(['each', 'batch'])(
    'goes on where it was, and comes to the same results: durability %s',
    async (durability) => {
      const whole = await runProgram(executor, durability, join(folder, `${executor}-${durability}-whole`));
      expect(whole.done).toHaveLength(TASK_COUNT);
      for (let round = 0; round < ROUNDS; round++) {
        const path = join(folder, `${executor}-${durability}-${round}`);
        const acknowledged = new Set<string>();
        let killedAfter = 1 + Math.floor(Math.random() * (TASK_COUNT - 1));
        for (;;) {
          const told = await runProgram(executor, durability, path, killedAfter);
          const again = [...acknowledged].filter((task) => told.started.includes(task));
          if (durability === 'each') expect(again, `killed after ${killedAfter}`).toEqual([]);
          // Of the last batch alone, which nobody had promised: whatever was acknowledged before one that is kept is kept too.
          else {
            const order = [...acknowledged];
            const lastKept = Math.max(...told.kept.map((task) => order.indexOf(task)), -1);
            for (const task of again)
              expect(order.indexOf(task), `${task}, killed after ${killedAfter}`).toBeGreaterThan(lastKept);
          }
          for (const task of told.repaired) expect(task).toMatch(/^torn /);
          if (told.results !== undefined) {
            expect(told.results).toBe(whole.results);
            expect(told.done.length + told.kept.length).toBe(TASK_COUNT);
            break;
          }
          // What was lost may not have been come to before the next kill: then the batch that it was in is not the last one any more.
          if (durability === 'batch')
            for (const task of acknowledged) if (!told.kept.includes(task)) acknowledged.delete(task);
          for (const task of told.done) acknowledged.add(task);
          killedAfter = 1 + Math.floor(Math.random() * TASK_COUNT);
        }
      }
    },
    600_000,
  );
});
