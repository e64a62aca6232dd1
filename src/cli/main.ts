#!/usr/bin/env node
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import type { TaskWorker } from '../bullmq/start-worker.js';
import { described, escaped, InvalidOptionError, QueueError, WorkerStartError } from '../errors.js';
import { FolderStore } from '../store/folder-store.js';
import { commandOf, HELP, UsageError, type WorkerCommand } from './options.js';

// The program `taskmap-ts`. What it prints about itself goes to stdout, what a worker tells to stderr.

/** @returns the exit code */
async function main(): Promise<number> {
  const command = commandOf(process.argv.slice(2), process.env, process.cwd());
  switch (command.name) {
    case 'help':
      process.stdout.write(HELP);
      return 0;
    case 'version':
      process.stdout.write(`${createRequire(import.meta.url)('../../package.json').version}\n`);
      return 0;
    case 'worker':
      return runWorker(command);
    default:
      return command satisfies never;
  }
}

async function runWorker({ options, modules, valuesFolder, healthMs, graceMs }: WorkerCommand): Promise<number> {
  for (const { path } of modules)
    if (path !== undefined && !existsSync(path)) throw new UsageError(`There is no module ${path}.`);
  for (const { text, path } of modules) if (path === undefined) refuseFile(text);
  if (valuesFolder !== undefined && statSync(valuesFolder, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new UsageError(`--values names the folder of the values. ${valuesFolder} is a file.`);
  const startWorker = await workerStarter();
  const valueStore = valuesFolder === undefined ? undefined : new FolderStore(valuesFolder);
  const starting = startWorker({ ...options, modules: modules.map(({ url }) => url), valueStore, onLog: log });
  const ended = whenEnded(starting, graceMs);
  const worker = await starting;
  log(`it is called ${worker.name}, and is process ${process.pid}`);
  const timer = healthMs === 0 ? undefined : setInterval(() => log(healthOf(worker)), healthMs);
  const exitCode = await ended;
  clearInterval(timer);
  valueStore?.close();
  log(healthOf(worker));
  return exitCode;
}

/**
 * Fulfilled with the exit code once the worker is closed: 0 after a signal, of which the first lets jobs end, the second gives them back, the third waits for
 * nothing; 1 after an error of a task that nobody caught, once what else is under way has ended, and if it has closed by
 * itself. A promise that nobody waits for harms nothing else.
 */
function whenEnded(starting: Promise<TaskWorker>, graceMs: number | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const end = (exitCode: number, jobGraceMs = graceMs) => {
      starting.then((worker) => worker.close(jobGraceMs)).then(() => resolve(exitCode), reject);
    };
    let signalCount = 0;
    // It has said why.
    starting.then(({ ended }) => ended).then((failure) => failure !== undefined && resolve(1), reject);
    const onSignal = (signal: NodeJS.Signals) => {
      signalCount++;
      if (signalCount > 2) process.exit(1);
      log(signalCount === 1 ? `${signal}: takes no more jobs` : `${signal} again: gives back what is under way`);
      end(0, signalCount === 1 ? graceMs : 0);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    process.on('unhandledRejection', (error) =>
      log(`a task left behind a rejection that nobody handled: ${inspect(error)}`),
    );
    process.on('uncaughtException', (error) => {
      log(`a task left behind an error that nobody caught, and this process ends: ${inspect(error)}`);
      end(1);
    });
  });
}

function healthOf(worker: TaskWorker): string {
  const { done, failed, refused, running } = worker.health();
  return `health: ${done} done, ${failed} failed, ${refused} refused, ${running} running, ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MB`;
}

/** A name is that of a package. Whoever has a file of that name has left out where it is. */
function refuseFile(name: string): void {
  if (existsSync(name) && /\.[cm]?[jt]sx?$/.test(name))
    throw new UsageError(`${JSON.stringify(name)} names a package. The file is ./${name}.`);
}

/** Loads what needs the packages of the queue, which only those have installed who use one. */
async function workerStarter(): Promise<typeof import('../bullmq/start-worker.js').startWorker> {
  try {
    return (await import('../bullmq/start-worker.js')).startWorker;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new QueueError(
      `A package is missing: ${described(error)}. Install bullmq, and ioredis for Redis or pg for PostgreSQL.`,
      { cause: error },
    );
  }
}

function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${printable(line)}\n`);
}

/** Names and messages of others may be in a text: a terminal is to take none for a command. */
function printable(text: string): string {
  return text.split('\n').map(escaped).join('\n');
}

try {
  const exitCode = await main();
  // What a task has left running would hold it up.
  process.exit(exitCode);
} catch (error) {
  // What the user or the server has done is told in a line; anything else is a bug, and its stack helps to find it.
  const isUsage = error instanceof UsageError || error instanceof InvalidOptionError;
  if (isUsage || error instanceof QueueError || error instanceof WorkerStartError)
    process.stderr.write(`taskmap-ts: ${printable(error.message)}\n`);
  else console.error(error);
  process.exit(isUsage ? 2 : 1);
}
