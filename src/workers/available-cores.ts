import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const GROUPS = '/sys/fs/cgroup';
const US_PATTERN = /^\d+$/;

/** The text of a file; `undefined` if there is none, or none that may be read. */
export type ReadText = (path: string) => string | undefined;

/**
 * How many threads that compute have a core of their own: as many as the machine has for this process, but no more than
 * the quota of its control group allows, which is what bounds the CPU time of a container. Parts of a core do not
 * count, as in later versions of Node, which ask for quotas themselves.
 *
 * @returns 1 or more
 */
export function availableCores(cores: number = availableParallelism(), read: ReadText = textOf): number {
  const groups = read('/proc/self/cgroup');
  if (groups === undefined) return cores;
  const quotas = groups.split('\n').flatMap((line) => quotasOf(line, read));
  return Math.max(Math.floor(Math.min(cores, ...quotas)), 1);
}

/**
 * How many cores a control group and those around it allow, each of which bounds it. A container may see the path that
 * its group has on the host, where it has nothing of that path but its end: then the files at the root are its own.
 *
 * @param line - of `/proc/self/cgroup`: `0::/path` for version 2, `4:cpu,cpuacct:/path` for version 1
 */
function quotasOf(line: string, read: ReadText): number[] {
  const [, number, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
  if (number === undefined || controllers === undefined || path === undefined) return [];
  const isVersion2 = number === '0' && controllers === '';
  if (!isVersion2 && !controllers.split(',').includes('cpu')) return [];
  const steps = path.split('/').filter((step) => step !== '');
  const folders = Array.from({ length: steps.length + 1 }, (_, count) => ['', ...steps.slice(0, count)].join('/'));
  if (isVersion2) return folders.flatMap((folder) => quotaIn(read(`${GROUPS}${folder}/cpu.max`)));
  return ['cpu', controllers].flatMap((mount) =>
    folders.flatMap((folder) => {
      const files = ['quota', 'period'].map((name) => read(`${GROUPS}/${mount}${folder}/cpu.cfs_${name}_us`));
      return quotaIn(files.join(' '));
    }),
  );
}

/**
 * @param text - microseconds of CPU time, and of the time in which they may be used: `50000 100000`. No number, or one
 * below 0, is no quota
 */
function quotaIn(text: string | undefined): number[] {
  const [quota = '', period = ''] = text?.trim().split(/\s+/) ?? [];
  if (!US_PATTERN.test(quota) || !US_PATTERN.test(period) || Number(period) === 0) return [];
  return [Number(quota) / Number(period)];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
