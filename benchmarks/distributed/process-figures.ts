import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/*
 * What processes take, as the kernel counts it: Linux only. A figure of CPU time says the same on a busy machine as on an idle one, which a wall clock
 * does not.
 */

const TICK_MS = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The CPU time of processes and their children so far, in milliseconds. */
export function cpuMs(pids: readonly number[]): number {
  return withChildren(pids).reduce((sum, pid) => sum + ticks(pid), 0) * TICK_MS;
}

/** What processes and their children hold in memory of their own, in bytes. */
export function memoryBytes(pids: readonly number[]): number {
  return withChildren(pids).reduce((sum, pid) => sum + anonymousKb(pid), 0) * 1024;
}

function ticks(pid: number): number {
  const fields = statOf(pid);
  // Of its own, in user and system mode, and of children that have ended.
  return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index] ?? 0), 0);
}

function anonymousKb(pid: number): number {
  const status = readIfThere(`/proc/${pid}/status`);
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
}

/** A server on PostgreSQL is many processes. */
function withChildren(pids: readonly number[]): number[] {
  const all = new Set(pids);
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc'))
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(statOf(Number(name))[1]));
  for (const [pid, parent] of parents) if (pids.includes(parent) && parent !== process.pid) all.add(pid);
  return [...all];
}

/** What stands behind the name of the program, which may have spaces and parentheses. */
function statOf(pid: number): string[] {
  const text = readIfThere(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
