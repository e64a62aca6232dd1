import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore, FolderStore, MemoryStore, type OutcomeStore } from 'taskmap-ts';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { system } from '../../src/store/file-system.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-some-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const STORES: Record<string, () => OutcomeStore> = {
  MemoryStore: () => new MemoryStore(),
  FileStore: () => new FileStore(join(folder, 'file')),
  FolderStore: () => new FolderStore(join(folder, 'folder')),
};

it.each(Object.keys(STORES))('%s returns the tasks that are asked for, and no others', async (name) => {
  const store = STORES[name]!();
  for (const task of ['a', 'b', 'c']) await store.save('etl', task, new Uint8Array([1]));
  const { outcomes } = await store.load('etl', ['c', 'a', 'x']);
  expect([...outcomes].map(([task]) => task).sort()).toEqual(['a', 'c']);
  expect([...(await store.load('etl', [])).outcomes]).toEqual([]);
  store.close();
});

it('FolderStore reads no other file', async () => {
  const store = new FolderStore(join(folder, 'some'));
  for (const task of ['a', 'b', 'c']) store.save('etl', task, new Uint8Array([1]));
  const read = vi.spyOn(system, 'readFile');
  store.load('etl', ['b']);
  expect(read).toHaveBeenCalledTimes(1);
  read.mockRestore();
});
