import { describe, expect, it } from 'vitest';
import { threadFlags } from '../../src/workers/thread-flags.js';

describe('threadFlags()', () => {
  it('leaves the flags of a program in a file as they are', () => {
    expect(threadFlags(['--expose-gc', '--import=tsx'])).toBeUndefined();
    expect(threadFlags(['-e', 'console.log(1)'])).toBeUndefined();
  });

  it.each([
    [['--input-type=module', '-e', 'await 1'], []],
    [['--input-type', 'module'], []],
    [
      ['--conditions=dev', '--input-type=module', '--no-warnings', '--eval', '1'],
      ['--conditions=dev', '--no-warnings'],
    ],
    [['--expose-gc', '--max-old-space-size=300', '--input-type=module', '--no-warnings'], ['--no-warnings']],
  ])('leaves out of %j what keeps a thread from starting', (given, taken) => {
    expect(threadFlags(given)).toEqual(taken);
  });
});
