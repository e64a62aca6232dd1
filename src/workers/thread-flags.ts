import { Worker } from 'node:worker_threads';
import { PROGRAM } from '../code/engine.js';

/**
 * The flags of Node with which threads are to be started; `undefined` if they take those of this process as they are.
 * They do, but for what says of which kind a program is that was given by `-e` or on stdin: a thread runs a file, and
 * does not start with it.
 */
export function threadFlags(given: readonly string[] = process.execArgv): string[] | undefined {
  if (!given.some((flag) => /^--input-type(=|$)/.test(flag))) return undefined;
  const flags = given.filter((flag, index) => {
    const before = given[index - 1] ?? '';
    return (
      !/^--input-type(=|$)/.test(flag) && before !== '--input-type' && !PROGRAM.test(flag) && !PROGRAM.test(before)
    );
  });
  // What is said of the whole process, as of its memory, holds in its threads, and must not be said again. Which flags
  // these are Node tells of those it is given.
  try {
    void new Worker('', { eval: true, execArgv: flags }).terminate();
    return flags;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error;
    const refused = message.slice(message.indexOf(': ') + 2).split(', ');
    return flags.filter((flag) => !refused.includes(flag));
  }
}
