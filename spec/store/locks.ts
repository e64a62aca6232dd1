import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { FileStore } from 'taskmap-ts';
import { vi } from 'vitest';
import { clock } from '../../src/store/clock.js';
import { FileLock } from '../../src/store/file-lock.js';
import { type LockOwner, ownerFrom } from '../../src/store/lock-owner.js';

/** Whose lock the file of a store has. */
export function ownerOf(path: string): LockOwner {
  return ownerFrom(readFileSync(`${path}.lock`, 'utf8'))!;
}

/** The owner of a lock in another container, or on another machine. */
export function faraway(token = 'theirs'): LockOwner {
  return { pid: 7, host: 'faraway', namespace: 'another', thread: 7, began: '1', token };
}

/** Writes a lock, as of some hours ago by the clock of the file system. */
export function writeLock(path: string, owner: LockOwner | string, hoursAgo = 0): void {
  writeFileSync(`${path}.lock`, typeof owner === 'string' ? owner : JSON.stringify(owner));
  const at = new Date(Date.now() - hoursAgo * 3_600_000);
  utimesSync(`${path}.lock`, at, at);
}

/** Lets no time pass where a store waits, and says for how long it would have; `each` happens while it waits. */
export function waited(each: (waitedMs: number) => void = () => {}): { readonly ms: number } {
  const told = { ms: 0 };
  vi.spyOn(clock, 'block').mockImplementation((delayMs) => {
    told.ms += delayMs;
    each(told.ms);
  });
  return told;
}

/**
 * Opens a store that is open already, as another container would that hears nothing of the first: its thread is busy, its
 * machine asleep.
 */
export function takenFromSilent(path: string): FileStore {
  writeLock(path, { ...ownerOf(path), namespace: 'another' }, 1);
  const block = vi.spyOn(clock, 'block').mockReturnValue(undefined);
  const renew = vi.spyOn(FileLock.prototype, 'renew').mockReturnValue(undefined);
  const store = new FileStore(path);
  store.load('etl');
  block.mockRestore();
  renew.mockRestore();
  return store;
}
