import { describe, expect, it } from 'vitest';
import { commandOf, HELP, UsageError, type WorkerCommand } from '../../src/cli/options.js';

const FOLDER = '/srv/app';

function workerOf(...args: string[]): WorkerCommand {
  const command = commandOf(['worker', '--connection', 'redis://queue', ...args], {}, FOLDER);
  if (command.name !== 'worker') throw new Error(command.name);
  return command;
}

function complaintOf(args: readonly string[], env = {}): string {
  try {
    commandOf(args, env, FOLDER);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'none';
}

describe('the worker', () => {
  it('needs no more than a connection, and leaves all else to the defaults of startWorker()', () => {
    const { options, ...rest } = workerOf();
    expect(JSON.parse(JSON.stringify(options))).toEqual({ connection: 'redis://queue', acceptsSource: true });
    expect(rest).toEqual({
      name: 'worker',
      modules: [],
      valuesFolder: undefined,
      healthMs: 60_000,
      graceMs: undefined,
    });
  });

  it('takes the connection from the environment, unless it is given', () => {
    const env = { TASKMAP_QUEUE: 'postgres://environment' };
    expect(commandOf(['worker'], env, FOLDER)).toMatchObject({ options: { connection: 'postgres://environment' } });
    expect(commandOf(['worker', '--connection', 'redis://given'], env, FOLDER)).toMatchObject({
      options: { connection: 'redis://given' },
    });
  });

  it('takes every option', () => {
    const texts = ['--queue', 'night', '--prefix', '{app}', '--name', 'ox', '--values', 'values', '--no-source'];
    const numbers = [
      '--threads=3',
      '--concurrency=9',
      '--lock-ms=2000',
      '--stalled-check-ms=500',
      '--max-lost=1',
      '--health-ms=0',
      '--grace-ms=250',
    ];
    expect(workerOf(...texts, ...numbers)).toMatchObject({
      options: {
        queue: 'night',
        prefix: '{app}',
        name: 'ox',
        threads: 3,
        concurrency: 9,
        lockMs: 2000,
        stalledCheckMs: 500,
        maxLost: 1,
        acceptsSource: false,
      },
      valuesFolder: '/srv/app/values',
      healthMs: 0,
      graceMs: 250,
    });
  });

  it('finds modules from the working directory on, and takes bare names for packages', () => {
    const { modules } = workerOf(
      '--module',
      './a b.js',
      '--module',
      '../c.js',
      '--module',
      '/d.js',
      '--module',
      'file:///e.js',
      '--module',
      '@f/g',
    );
    expect(modules).toEqual([
      { text: './a b.js', url: 'file:///srv/app/a%20b.js', path: '/srv/app/a b.js' },
      { text: '../c.js', url: 'file:///srv/c.js', path: '/srv/c.js' },
      { text: '/d.js', url: 'file:///d.js', path: '/d.js' },
      { text: 'file:///e.js', url: 'file:///e.js', path: '/e.js' },
      { text: '@f/g', url: '@f/g', path: undefined },
    ]);
  });
});

describe('help and version', () => {
  it('are shown whatever else is there', () => {
    expect(commandOf(['worker', '-h'], {}, FOLDER)).toEqual({ name: 'help' });
    expect(commandOf(['--version'], {}, FOLDER)).toEqual({ name: 'version' });
  });

  it('fit on a terminal', () => {
    expect(HELP.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });
});

describe('a command line that makes no sense', () => {
  const here = ['worker', '--connection', 'redis://queue'];

  it.each([
    [[], 'There is no command. Try --help.'],
    [['wroker'], 'There is no command "wroker". Try --help.'],
    [['worker'], 'Where is the queue? Give --connection URL, or set the environment variable TASKMAP_QUEUE.'],
    [[...here, './tasks.js'], 'What is "./tasks.js"? Modules are given by --module.'],
    [[...here, '--moduel', './tasks.js'], "Unknown option '--moduel'. Try --help."],
    [[...here, '--no-source=yes'], "Option '--no-source' does not take an argument. Try --help."],
    [[...here, '--threads', 'many'], 'Expected --threads to be a number, got "many".'],
    [[...here, '--lock-ms', ''], 'Expected --lock-ms to be a number, got "".'],
    [[...here, '--grace-ms=-1'], 'Expected --grace-ms to be a number from 0 to 2147483647, got "-1".'],
    [[...here, '--health-ms=1e10'], 'Expected --health-ms to be a number from 0 to 2147483647, got "1e10".'],
  ])('%j is told of in one line', (args, complaint) => {
    expect(complaintOf(args)).toBe(complaint);
  });
});
