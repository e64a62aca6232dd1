import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numberOf, type Part } from '../properties/fixtures/stale-tasks.js';
import { Random } from '../support/seeded-random.js';
import type { Described } from './fixtures/edited.mjs';

/**
 * How often the program is started, for each executor and store; `EDITED_STARTS=25` makes more than 200 of them in all.
 * `EDITED_SEED` has the edits of that seed.
 */
const STARTS = Number(process.env['EDITED_STARTS'] ?? 2);
const SEED = Number(process.env['EDITED_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SIZE = 14;
const VARIANTS = 4;
const CONTENTS = ['', 'aa', 'bb'];
const GIVES = ['value', 'restorable', 'file', 'restorable', 'beside', 'list'] as const;
const PAIRS = ['SyncExecutor', 'AsyncExecutor', 'ParallelExecutor'].flatMap((executor) =>
  ['each', 'batch', 'folder'].map((store) => [executor, store] as const),
);

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'taskmap-edited-')));
  // Compiled once, since it is started so often.
  buildSync({
    entryPoints: {
      program: at('fixtures/edited.mts'),
      tasks: at('../properties/fixtures/stale-tasks.ts'),
      'worker-main': at('../../src/workers/worker-main.ts'),
    },
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
  readonly done: string[];
  readonly kept: string[];
  readonly repaired: string[];
  readonly results: unknown[][];
  readonly called: readonly string[];
}

/** Starts the program, and kills it so long after it has told so much. */
async function started(executor: string, store: string, of: string, killAfter: number, thenMs: number): Promise<Told> {
  writeFileSync(join(of, 'calls'), '');
  const child = spawn(process.execPath, [join(folder, 'program.js'), executor, store, of], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const told = { done: [], kept: [], repaired: [], results: [] } as Record<string, unknown[]>;
  let complaints = '';
  child.stderr.on('data', (text) => {
    complaints += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let lines = 0;
  for await (const line of createInterface(child.stdout)) {
    const space = line.indexOf(' ');
    told[line.slice(0, space)]!.push(JSON.parse(line.slice(space + 1)));
    if (++lines === killAfter) setTimeout(() => child.kill('SIGKILL'), thenMs);
  }
  await ended;
  expect(complaints).toBe('');
  const called = readFileSync(join(of, 'calls'), 'utf8')
    .split('\n')
    .filter((one) => one !== '');
  return { ...(told as unknown as Told), called: called.map((one) => JSON.parse(one)) };
}

/** What a task comes to, and from what. */
interface Expected {
  readonly key: string;
  readonly value: number;
}

function expectedOf(described: readonly Described[], content: string): Expected[] {
  const expected: Expected[] = [];
  for (const { part, dependsOn } of described) {
    const read = (one: number | 'source') => {
      if (one === 'source') return content;
      const { value } = expected[one]!;
      return described[one]!.part.gives === 'list' ? `{[${value}],${value}}` : String(value);
    };
    const texts = dependsOn.map(read);
    expected.push({ key: JSON.stringify([part.constant, texts]), value: numberOf(part, texts) });
  }
  return expected;
}

describe.each(PAIRS)('with %s and a store of kind %s', (executor, store) => {
  it(
    'a program that is edited and killed loses nothing, serves nothing stale, and runs nothing again',
    async () => {
      const random = new Random(SEED);
      const of = join(folder, `${executor} ${store}`);
      mkdirSync(of);
      const described: Described[] = Array.from({ length: SIZE }, (_, id) => ({
        part: { folder: of, id, constant: 0, looksAtWorld: false, gives: GIVES[id % GIVES.length]! } satisfies Part,
        dependsOn:
          id < 2 ? ['source'] : [id - 1 - random.upTo(Math.min(id - 1, 3)), ...(random.chance(0.5) ? [0] : [])],
      }));
      let content = CONTENTS[0]!;
      /** Of each task the keys of what is certain to be kept, the oldest first. */
      const kept = described.map((): string[] => []);
      for (let start = 0; start < STARTS; start++) {
        if (random.chance(0.5)) content = random.oneOf(CONTENTS);
        if (random.chance(0.5)) {
          const one = random.upTo(SIZE - 1);
          const { part } = described[one]!;
          described[one] = { ...described[one]!, part: { ...part, constant: 1 - part.constant } };
        }
        if (random.chance(0.5)) rmSync(join(of, `made ${random.upTo(SIZE - 1)}`), { force: true });
        if (random.chance(0.3)) writeFileSync(join(of, `made ${1 + 2 * random.upTo(6)}`), 'by somebody else');
        writeFileSync(join(of, 'source'), content);
        writeFileSync(join(of, 'program.json'), JSON.stringify(described));
        const expected = expectedOf(described, content);
        const onDisk = described.map((_, id) => {
          const path = join(of, `made ${id}`);
          return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
        });
        const killAfter = random.chance(0.3) ? -1 : 1 + random.upTo(SIZE);
        const told = await started(executor, store, of, killAfter, random.upTo(8));
        const hint = `seed ${SEED}, start ${start}, told ${JSON.stringify({ ...told, results: [] })}`;
        expect(
          told.repaired.filter((reason) => reason !== 'torn'),
          hint,
        ).toEqual([]);

        for (const [id, { part }] of described.entries()) {
          const { key, value } = expected[id]!;
          const { gives } = part;
          const isFile = gives !== 'value';
          const count = told.called.filter((one) => one === `t${id}`).length;
          if (count > 0) {
            const isLost = isFile && gives !== 'restorable' && onDisk[id] !== String(value);
            expect(count === 1 && (isLost || !kept[id]!.includes(key)), `t${id} again: ${hint}`).toBe(true);
            const isSafe = told.done.includes(`t${id}`) && (store !== 'batch' || told.results.length > 0);
            const others = kept[id]!.filter((one) => one !== key).slice(1 - VARIANTS);
            kept[id] = isSafe ? [...others, key] : others;
          }
          const [results] = told.results;
          if (results === undefined) continue;
          const path = join(of, `made ${id}`);
          if (isFile) expect(readFileSync(path, 'utf8'), `t${id}: ${hint}`).toBe(String(value));
          const result = results[id + 1] as any;
          if (gives === 'value') expect(result, `t${id}: ${hint}`).toBe(value);
          else if (gives === 'list')
            expect([result.files[0].path, result.value], `t${id}: ${hint}`).toEqual([path, value]);
          else expect(result.path).toBe(path);
        }
      }
    },
    60_000 + STARTS * 10_000,
  );
});
