import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { availableCores } from '../../src/workers/available-cores.js';

const cores = (files: Readonly<Record<string, string>>, ofMachine = 8) =>
  availableCores(ofMachine, (path) => (Object.hasOwn(files, path) ? files[path] : undefined));

describe('availableCores()', () => {
  it('are those of the machine where nothing bounds them, and nothing can be read', () => {
    expect(cores({})).toBe(8);
    expect(cores({ '/proc/self/cgroup': '' })).toBe(8);
    expect(cores({ '/proc/self/cgroup': '0::/\n' })).toBe(8);
    expect(availableCores(1_000)).toBeGreaterThanOrEqual(1);
    expect(availableCores()).toBeLessThanOrEqual(availableParallelism());
  });

  it.each<[string, string, number]>([
    ['half a core', '50000 100000\n', 1],
    ['one and a half', '150000 100000\n', 1],
    ['three', '300000 100000\n', 3],
    ['more than there are', '6400000 100000\n', 8],
    ['no bound', 'max 100000\n', 8],
    ['next to nothing', '1000 1000000\n', 1],
    ['what makes no sense', '100000 0\n', 8],
    ['nothing', '', 8],
    ['something else', 'see elsewhere', 8],
  ])('are as many as the quota of a container allows: %s', (_, max, expected) => {
    expect(cores({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': max })).toBe(expected);
  });

  it('are bounded by every group around the own one', () => {
    const files = { '/proc/self/cgroup': '0::/a/b\n', '/sys/fs/cgroup/a/b/cpu.max': '700000 100000' };
    expect(cores(files)).toBe(7);
    expect(cores({ ...files, '/sys/fs/cgroup/a/cpu.max': '200000 100000' })).toBe(2);
    expect(cores({ ...files, '/sys/fs/cgroup/a/cpu.max': 'max 100000' })).toBe(7);
  });

  it('are bounded by groups of version 1 as well, wherever they are mounted', () => {
    for (const [controllers, mount] of [
      ['cpu', 'cpu'],
      ['cpu,cpuacct', 'cpu,cpuacct'],
      ['cpuacct,cpu', 'cpu'],
    ] as const) {
      const groups = `5:memory:/x\n4:${controllers}:/docker/1f\n0::/\n`;
      const at = (folder: string) => ({
        [`/sys/fs/cgroup/${mount}${folder}/cpu.cfs_quota_us`]: '250000\n',
        [`/sys/fs/cgroup/${mount}${folder}/cpu.cfs_period_us`]: '100000\n',
      });
      expect(cores({ '/proc/self/cgroup': groups, ...at('/docker/1f') })).toBe(2);
      // Within the container that group is the root.
      expect(cores({ '/proc/self/cgroup': groups, ...at('') })).toBe(2);
    }
    const unbound = { '/proc/self/cgroup': '4:cpu:/\n', '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n' };
    expect(cores({ ...unbound, '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' })).toBe(8);
    expect(cores({ ...unbound, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n' })).toBe(8);
  });
});
