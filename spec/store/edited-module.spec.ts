import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('fixtures/edited-module.mts', import.meta.url));
const CHANGED = 'ran: ./work.mjs changed';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-edited-module-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(['AsyncExecutor', 'ParallelExecutor'])(
  '%s keeps nothing of a task module that was edited while the process has it loaded',
  async (executor) => {
    const started = async (...numbers: number[]) => {
      const args = ['--import', 'tsx', PROGRAM, executor, folder, ...numbers.map(String)];
      return (await promisify(execFile)(process.execPath, args)).stdout.trim().split('\n');
    };
    // What has been loaded stays, whatever is in the file; also when the edit is undone.
    expect(await started(1, 2, 2, 1)).toEqual([
      '1 ran: no stored result',
      `1 ${CHANGED}`,
      `1 ${CHANGED}`,
      `1 ${CHANGED}`,
    ]);
    expect(await started(2)).toEqual([`2 ${CHANGED}`]);
    expect(await started(2)).toEqual(['2 kept: same version and inputs']);
    // Of the first run of the first process, before the edit.
    expect(await started(1)).toEqual(['1 kept: same version and inputs']);
  },
);
