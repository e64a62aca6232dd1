import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { WorkerOptions } from '../bullmq/start-worker.js';

/** The command line makes no sense: why, as a sentence. */
export class UsageError extends Error {}

/** What is asked for. */
export type Command = { readonly name: 'help' } | { readonly name: 'version' } | WorkerCommand;

/** A worker is to be started. */
export interface WorkerCommand {
  readonly name: 'worker';
  readonly options: Pick<
    WorkerOptions,
    'queue' | 'prefix' | 'threads' | 'concurrency' | 'name' | 'lockMs' | 'stalledCheckMs' | 'maxLost'
  > & {
    readonly connection: string;
    readonly acceptsSource: boolean;
  };
  readonly modules: readonly NamedModule[];
  /** The folder of a value store, absolute. */
  readonly valuesFolder: string | undefined;
  /** How often it tells how it is, in milliseconds; 0 is never, but at its end. */
  readonly healthMs: number;
  /** How long jobs are given once it is to end, in milliseconds; `undefined` is as long as they take. */
  readonly graceMs: number | undefined;
}

/** A module of `--module`. */
export interface NamedModule {
  /** As it was given. */
  readonly text: string;
  /** An address, or the name of a package. */
  readonly url: string;
  /** Where its file is; `undefined` for a package. */
  readonly path: string | undefined;
}

export const HELP = `Runs tasks of a BullMQExecutor on this machine.

  taskmap-ts worker --connection URL [--module FILE …] [options]

  --connection URL       the server of the queue: redis://…, rediss://… or postgres://…
                         Default: what is in the environment variable TASKMAP_QUEUE, where credentials are better kept
  --module FILE          a module whose exports it runs: ./tasks.js from this folder on, an absolute path, or the name
                         of a package. May be given several times
  --queue NAME           the name of the queue. Default: taskmap
  --prefix TEXT          what the keys of the queue begin with on Redis. Default: bull
  --threads N            how many threads compute. Default: as many as have a core, also in a container that has a quota
  --concurrency N        how many io-bound jobs may be under way at once. Default: 50
  --name NAME            what it is called in events and logs. Default: the names of its machine and process
  --lock-ms MS           after how long of silence another worker may have its jobs. Default: 15000
  --stalled-check-ms MS  how often it looks for jobs of workers that are gone. Default: 5000
  --max-lost N           how many workers a job may cost before its task fails. Default: 3
  --values FOLDER        where values are kept that are too large for the queue: a folder that the executor has as well
  --no-source            run nothing but what the modules export: no functions that are sent as text
  --health-ms MS         how often it tells how it is; 0 is only at its end. Default: 60000
  --grace-ms MS          how long jobs are given to end after SIGTERM or SIGINT, before they go back to the queue.
                         Default: as long as they take. A second signal gives them back at once
  --help, --version

It ends with 0 once it was told to end and is done; with 1 if the server cannot be reached or refuses, with 2 if the
command makes no sense.
`;

const OPTIONS = {
  connection: { type: 'string' },
  module: { type: 'string', multiple: true },
  queue: { type: 'string' },
  prefix: { type: 'string' },
  threads: { type: 'string' },
  concurrency: { type: 'string' },
  name: { type: 'string' },
  'lock-ms': { type: 'string' },
  'stalled-check-ms': { type: 'string' },
  'max-lost': { type: 'string' },
  values: { type: 'string' },
  'no-source': { type: 'boolean' },
  'health-ms': { type: 'string' },
  'grace-ms': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

const HEALTH_MS = 60_000;
/** Timers take no more. */
const MS_MAX = 2 ** 31 - 1;

/**
 * What a command line asks for.
 *
 * @param args - what stands after the name of the program
 * @param env - the environment
 * @param folder - where relative paths begin
 * @throws {@link UsageError}
 */
export function commandOf(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): Command {
  const { values, positionals } = parsed(args);
  if (values.help === true) return { name: 'help' };
  if (values.version === true) return { name: 'version' };
  const [name, ...rest] = positionals;
  if (name === undefined) throw new UsageError('There is no command. Try --help.');
  if (name !== 'worker') throw new UsageError(`There is no command ${JSON.stringify(name)}. Try --help.`);
  if (rest.length > 0) throw new UsageError(`What is ${JSON.stringify(rest[0])}? Modules are given by --module.`);
  const connection = values.connection ?? env['TASKMAP_QUEUE'];
  if (connection === undefined || connection === '')
    throw new UsageError('Where is the queue? Give --connection URL, or set the environment variable TASKMAP_QUEUE.');
  const number = (option: NumberOption, minimum = Number.NEGATIVE_INFINITY) =>
    numberOf(option, values[option], minimum);
  return {
    name,
    options: {
      connection,
      queue: values.queue,
      prefix: values.prefix,
      threads: number('threads'),
      concurrency: number('concurrency'),
      name: values.name,
      lockMs: number('lock-ms'),
      stalledCheckMs: number('stalled-check-ms'),
      maxLost: number('max-lost'),
      acceptsSource: values['no-source'] !== true,
    },
    modules: (values.module ?? []).map((text) => namedModule(text, folder)),
    valuesFolder: values.values === undefined ? undefined : resolve(folder, values.values),
    healthMs: number('health-ms', 0) ?? HEALTH_MS,
    graceMs: number('grace-ms', 0),
  };
}

type NumberOption = 'threads' | 'concurrency' | 'lock-ms' | 'stalled-check-ms' | 'max-lost' | 'health-ms' | 'grace-ms';

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // The first sentence says what is wrong; those behind it are about a `--` that nobody needs here.
    throw new UsageError(`${(error as Error).message.split(/\. |\n/)[0]!.replace(/\.$/, '')}. Try --help.`);
  }
}

/** Whether the number is one that the worker takes, the worker says. */
function numberOf(option: NumberOption, text: string | undefined, minimum: number): number | undefined {
  if (text === undefined) return undefined;
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (number >= minimum && number <= MS_MAX) return number;
  const expected = minimum === 0 ? `a number from 0 to ${MS_MAX}` : 'a number';
  throw new UsageError(`Expected --${option} to be ${expected}, got ${JSON.stringify(text)}.`);
}

function namedModule(text: string, folder: string): NamedModule {
  if (text.startsWith('file:')) return { text, url: text, path: fileURLToPath(text) };
  const isPath = /^\.{0,2}[/\\]|^[a-z]:[/\\]/i.test(text);
  if (!isPath) return { text, url: text, path: undefined };
  const path = resolve(folder, text);
  return { text, url: pathToFileURL(path).href, path };
}
