import { system } from '../../src/store/file-system.js';

/** What changes something on the disk, in one way or another. */
const CHANGES = [
  'open',
  'writeSync',
  'write',
  'fchmod',
  'fchown',
  'fdatasync',
  'fdatasyncSync',
  'fsync',
  'ftruncate',
  'rename',
  'link',
  'unlink',
  'copy',
  'mkdir',
  'rmdir',
] as const;

/** How the calls go that change something: as they would; or the n-th refused, once; or the process dead from the n-th on. */
export type Fault =
  | { readonly kind: 'none' }
  | { readonly kind: 'refuse'; readonly at: number; readonly code: string }
  | { readonly kind: 'die'; readonly at: number };

/**
 * Lets the calls of the store to the file system fail while `act` runs, and says which there were.
 *
 * A write that is refused, or in which the process dies, has written half of its bytes.
 */
export function withFault(fault: Fault, act: () => void): { readonly calls: readonly string[] } {
  const faulty = faultySystem(fault);
  try {
    act();
  } finally {
    faulty.restore();
  }
  return faulty;
}

/** The same until `restore` is called. */
export function faultySystem(fault: Fault): { readonly calls: readonly string[]; restore(): void } {
  const real = { ...system };
  const calls: string[] = [];
  const opened = new Set<number>();
  const fails = (name: string): Error | undefined => {
    calls.push(name);
    if (fault.kind === 'die' && calls.length >= fault.at) return new Error('This process is dead.');
    if (fault.kind === 'refuse' && calls.length === fault.at)
      return Object.assign(new Error(`${fault.code}: refused, ${name}`), { code: fault.code });
    return undefined;
  };
  for (const name of CHANGES) {
    const call = real[name] as (...args: any[]) => any;
    (system as any)[name] = (...args: any[]) => {
      const error = fails(name);
      const isAsync = name === 'write' || name === 'fdatasync';
      if (error !== undefined) {
        const isFirst = fault.kind !== 'die' || calls.length === fault.at;
        if (isFirst && (name === 'writeSync' || name === 'write'))
          real.writeSync(args[0], args[1], args[2], Math.floor(args[3] / 2), args[4]);
        if (!isAsync) throw error;
        setImmediate(args.at(-1), error);
        return undefined;
      }
      const result = call(...args);
      if (name === 'open') opened.add(result);
      return result;
    };
  }
  system.close = (fd) => {
    opened.delete(fd);
    real.close(fd);
  };
  const restore = () => {
    Object.assign(system, real);
    // What the system does when a process dies.
    if (fault.kind === 'die') for (const fd of opened) real.close(fd);
  };
  return { calls, restore };
}
