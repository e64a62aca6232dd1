import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** Where the figures come from. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly platform: string;
  readonly node: string;
  /** Load average of the last minute. Figures of a machine that does something else meanwhile are worth little. */
  readonly loadBefore: number;
  readonly loadAfter: number;
}

export function loadAverage(): number {
  return Math.round(loadavg()[0]! * 100) / 100;
}

/** @param loadBefore - the load average at the start; that at the end is read now */
export function describedMachine(loadBefore: number): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown cpu',
    cores: cores.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${type()} ${release()}`,
    node: process.versions.node,
    loadBefore,
    loadAfter: loadAverage(),
  };
}
