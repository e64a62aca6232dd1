import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunLog, RunLogError, readRunLog, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

type Write = (file: number, text: string | Uint8Array, from?: number) => number;

/** What the disk does with what is to be written next, one after another; then it writes all of it again. */
const disk = vi.hoisted(() => ({ moods: [] as ((write: Write, ...args: Parameters<Write>) => number)[] }));

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const write: Write = (file, text, from = 0) => fs.writeSync(file, Buffer.from(text as string).subarray(from));
  return {
    ...fs,
    writeSync: (...args: Parameters<Write>) => (disk.moods.shift() ?? ((_, ...all) => write(...all)))(write, ...args),
  };
});

const writesTen = (write: Write, file: number, text: string | Uint8Array, from = 0) =>
  write(
    file,
    Buffer.from(text as string)
      .subarray(from)
      .subarray(0, 10),
  );
const isFull = () => {
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
};
const writesAll = (write: Write, ...args: Parameters<Write>) => write(...args);

function loggedRun(...moods: typeof disk.moods) {
  const folder = mkdtempSync(join(tmpdir(), 'run-log-disk-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'run.ndjson');
  const errors: unknown[] = [];
  const executor = new SyncExecutor();
  using _ = new RunLog({ path, onError: (error) => errors.push(error) }).listen(executor);
  disk.moods = moods;
  executor.run(new TaskGraphBuilder().task('任务', () => 1).build());
  return { path, errors, lines: readFileSync(path, 'utf8').split('\n') };
}

describe('a disk', () => {
  it('that takes a line bit by bit, cut through characters as well, gets all of it', () => {
    const { path, errors, lines } = loggedRun(...Array.from({ length: 60 }, () => writesTen));
    expect(errors).toEqual([]);
    expect(lines).toHaveLength(6);
    expect(readRunLog(path)).toMatchObject({ badLineCount: 0, done: [{ task: '任务' }] });
  });

  it('that is full for a while costs the lines of that time, and no other', () => {
    // The line of task:ready is cut off, that of task:started is lost.
    const { path, errors, lines } = loggedRun(writesAll, writesTen, isFull, isFull);
    expect(errors).toEqual([expect.any(RunLogError)]);
    expect((errors[0] as RunLogError).cause).toMatchObject({ code: 'ENOSPC' });
    expect(lines[1]).toBe('{"level":3');
    expect(lines.map((line) => /"event":"([^"]+)"/.exec(line)?.[1])).toEqual([
      'run:started',
      undefined,
      'task:done',
      'run:finished',
      undefined,
    ]);
    expect(readRunLog(path)).toMatchObject({ badLineCount: 1, status: 'finished', done: [{ task: '任务' }] });
  });
});
