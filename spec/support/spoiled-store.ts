import { crc32 } from 'node:zlib';
import type { MemoryStore } from 'taskmap-ts';

/**
 * Has what is kept of a task end in bytes of which no value can be made, under a checksum that holds: what an engine has
 * written that this one does not know looks like that.
 *
 * @param engine - which engine it says has written it. Default: this one
 */
export function spoil(
  store: MemoryStore,
  task: string,
  engine: string = process.versions.v8,
  graph = 'contract',
): void {
  const [, saved] = [...store.load(graph).outcomes].find(([name]) => name === task)!;
  const before = Buffer.from(saved);
  const headerEnd = 9 + before.readUInt32LE(5);
  const fields = JSON.parse(before.toString('utf8', 9, headerEnd));
  const header = Buffer.from(JSON.stringify([...fields.slice(0, -1), { ...fields.at(-1), engine }]));
  const value = before.subarray(headerEnd).fill(0xee);
  const bytes = Buffer.concat([before.subarray(0, 9), header, value]);
  bytes.writeUInt32LE(header.length, 5);
  bytes.writeUInt32LE(crc32(bytes.subarray(5)), 1);
  store.save(graph, task, bytes);
}
