/** What is done on whichever machine has room. Workers import this file, and so does whoever wants the types. */

import { readFile } from 'node:fs/promises';
import { brotliCompressSync } from 'node:zlib';
import type { TaskContext } from 'taskmap-ts';

const PAGES = new URL('../../docs/', import.meta.url);

/** How often each word is there. */
export type WordCounts = ReadonlyMap<string, number>;

/** Waits for a disk: io-bound. The page is the last word of the task's name. */
export function read({ task, signal }: TaskContext): Promise<string> {
  return readFile(new URL(`${task.split(' ').at(-1)}.md`, PAGES), { encoding: 'utf8', signal });
}

/** Computes. */
export function words(text: string): WordCounts {
  const counts = new Map<string, number>();
  for (const [word] of text.toLowerCase().matchAll(/\p{L}{4,}/gu)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** Computes, and takes its time: how small the text can be made, in percent. */
export function squeeze(text: string): number {
  return (100 * brotliCompressSync(text).length) / Buffer.byteLength(text);
}

/** Adds up. */
export function most(...pages: WordCounts[]): string {
  const total = new Map<string, number>();
  for (const counts of pages) for (const [word, count] of counts) total.set(word, (total.get(word) ?? 0) + count);
  const [first, second] = [...total]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([word, count]) => `"${word}" ${count} times`);
  return `${first}, ${second}`;
}

/** Picks the smallest. */
export function tightest(...percents: number[]): string {
  return `down to ${Math.min(...percents).toFixed(1)} %`;
}
