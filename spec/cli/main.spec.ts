import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TaskGraphBuilder, taskModule } from 'taskmap-ts';
import { BullMQExecutor } from 'taskmap-ts/bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { hasRedis, NO_REDIS, type Server, startRedis } from '../support/servers.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULE = './spec/cli/fixtures/tasks.ts';
const tasks = taskModule<typeof import('./fixtures/tasks.js')>(new URL('./fixtures/tasks.ts', import.meta.url));

/** The program, as a process. */
class Program {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  readonly stderr: string[] = [];
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  readonly #waiting = new Set<() => void>();

  constructor(...args: readonly string[]) {
    const { TASKMAP_QUEUE, ...env } = process.env;
    this.process = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    this.process.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    createInterface(this.process.stderr).on('line', (line) => {
      this.stderr.push(line);
      for (const look of this.#waiting) look();
    });
    this.ended = once(this.process, 'close').then(([code]) => ({ code, stdout, stderr: this.stderr.join('\n') }));
    onTestFinished(() => void this.process.kill('SIGKILL'));
  }

  /** Fulfilled once it has said this, so many times. */
  async said(what: RegExp, times = 1): Promise<void> {
    let look = () => {};
    const heard = new Promise<'heard'>((resolve) => {
      look = () => {
        if (this.stderr.filter((line) => what.test(line)).length >= times) resolve('heard');
      };
    });
    this.#waiting.add(look);
    look();
    const ended = this.ended.then(({ code, stderr }) => `it ended with ${code}:\n${stderr}`);
    expect(await Promise.race([heard, ended])).toBe('heard');
    this.#waiting.delete(look);
  }
}

describe.skipIf(!hasRedis)(hasRedis ? 'a worker from the shell' : NO_REDIS, () => {
  let redis: Server;
  let queue = '';
  let queueCount = 0;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());
  beforeEach(() => {
    queue = `queue-${queueCount++}`;
  });

  async function startProgram(name: string, ...args: readonly string[]): Promise<Program> {
    const program = new Program(
      'worker',
      '--connection',
      redis.url,
      '--queue',
      queue,
      '--module',
      MODULE,
      '--threads',
      '1',
      '--name',
      name,
      ...args,
    );
    await program.said(/ ready on redis: threads: 1,/);
    return program;
  }

  function newExecutor(): BullMQExecutor {
    const executor = new BullMQExecutor({ connection: redis.url, queue });
    onTestFinished(() => executor.close());
    return executor;
  }

  /** A server that answers when it is told to: `asked()` waits for the next request. */
  async function openDesk(): Promise<{ readonly url: string; readonly asked: () => Promise<ServerResponse> }> {
    const requests: ServerResponse[] = [];
    const server: HttpServer = createServer((_, response) => void requests.push(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const asked = async () => {
      while (requests.length === 0) await once(server, 'request');
      return requests.shift()!;
    };
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
  }

  function askingGraph(url: string) {
    return new TaskGraphBuilder({ name: 'asking' })
      .task('url', () => url)
      .onMainThread()
      .task('answer')
      .dependsOn('url')
      .withContext()
      .ioBound()
      .run(tasks.ask)
      .build();
  }

  it('runs tasks by the name it was given, tells how it is, and ends well', async () => {
    const program = await startProgram('ox', '--health-ms', '20');
    const graph = new TaskGraphBuilder({ name: 'doubling' })
      .task('three', () => 3)
      .task('six', tasks.double)
      .dependsOn('three')
      .build();
    const executor = newExecutor();
    const threads: unknown[] = [];
    executor.on('task:started', ({ thread }) => threads.push(thread));
    await executor.run(graph);
    expect(graph.result('six')).toBe(6);
    expect(threads).toEqual(['ox', 'ox']);
    await program.said(/ health: 2 done, 0 failed, 0 refused, 0 running, \d+ MB$/, 2);
    program.process.kill('SIGTERM');
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    for (const line of stderr.split('\n')) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \w/);
    expect(stderr).toContain(` it is called ox, and is process ${program.process.pid}\n`);
    expect(stderr).toMatch(
      / SIGTERM: takes no more jobs\n[\s\S]* closed\n\S+ health: 2 done, 0 failed, 0 refused, 0 running, \d+ MB$/,
    );
  });

  it('writes names so that no terminal takes them for a command', async () => {
    const program = await startProgram('ox \x1b[31m\x9b0m\u202e');
    program.process.kill('SIGTERM');
    const { stderr } = await program.ended;
    expect(stderr).toContain(' it is called ox \\u001b[31m\\u009b0m\\u202e, and is process ');
    expect(['\x1b', '\x9b', '\u202e'].filter((character) => stderr.includes(character))).toEqual([]);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('lets a task end that is under way when %s comes', async (signal) => {
    const program = await startProgram('ox');
    const desk = await openDesk();
    const graph = askingGraph(desk.url);
    const run = newExecutor().run(graph);
    const request = await desk.asked();
    program.process.kill(signal);
    await program.said(/ closing: jobs still under way: 1$/);
    request.end('tea');
    await run;
    expect(graph.result('answer')).toBe('tea');
    const { code, stderr } = await program.ended;
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/ health: 1 done, 0 failed, 0 refused, 0 running, \d+ MB$/),
    });
  });

  function leavingGraph(what: string) {
    return new TaskGraphBuilder({ name: 'leaving' })
      .task('what', () => what)
      .onMainThread()
      .task('leave')
      .dependsOn('what')
      .ioBound()
      .run(tasks.leaveBehind)
      .build();
  }

  it('works on where a task leaves behind a rejection that nobody handles', async () => {
    const program = await startProgram('ox');
    const executor = newExecutor();
    await executor.run(leavingGraph('a rejection'));
    await program.said(/ a task left behind a rejection that nobody handled: Error: stray rejection$/);
    await executor.run(leavingGraph('a rejection'));
    program.process.kill('SIGTERM');
    expect(await program.ended).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/ health: 2 done, 0 failed, 0 refused, 0 running, \d+ MB$/),
    });
  });

  it('lets all else end where a task leaves behind an error that nobody catches', async () => {
    const program = await startProgram('ox');
    const desk = await openDesk();
    const graph = askingGraph(desk.url);
    const executor = newExecutor();
    const run = executor.run(graph);
    const request = await desk.asked();
    await executor.run(leavingGraph('an error'));
    await program.said(/ a task left behind an error that nobody caught, and this process ends: Error: stray error$/);
    await program.said(/ closing: jobs still under way: 1$/);
    request.end('tea');
    await run;
    expect(graph.result('answer')).toBe('tea');
    expect(await program.ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/ health: 2 done, 0 failed, 0 refused, 0 running, \d+ MB$/),
    });
  });

  it('ends where threads that have ended are not replaced', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'taskmap-cli-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [brake, preload] = [join(folder, 'brake'), join(folder, 'preload.mjs')];
    const isBroken = `!isMainThread && existsSync(${JSON.stringify(brake)})`;
    writeFileSync(
      preload,
      `import { existsSync } from 'node:fs'; import { isMainThread } from 'node:worker_threads';
       if (${isBroken}) throw new Error('no memory');`,
    );
    vi.stubEnv('NODE_OPTIONS', `--import=${pathToFileURL(preload)}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const program = await startProgram('ox');
    vi.unstubAllEnvs();
    const ends = (file: string) => {
      const { existsSync, writeFileSync } = process.getBuiltinModule('node:fs');
      if (existsSync(file)) return 'done';
      writeFileSync(file, '');
      return (process as unknown as { reallyExit(): string }).reallyExit();
    };
    const graph = new TaskGraphBuilder({ name: 'ending' })
      .task('file', () => brake)
      .onMainThread()
      .task('ends')
      .dependsOn('file')
      .run(ends)
      .build();
    const run = newExecutor().run(graph);
    expect(await program.ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        / error: .*threads do not start.*takes no more jobs\.\n.* health: 0 done, 0 failed, 1 ref/s,
      ),
    });
    await startProgram('cow');
    await run;
    expect(graph.result('ends')).toBe('done');
  });

  it.each([
    ['a second signal', []],
    ['the end of --grace-ms', ['--grace-ms', '0']],
  ])('gives back at %s what is under way, and another worker does it', async (_, args) => {
    const program = await startProgram('ox', ...args);
    const desk = await openDesk();
    const graph = askingGraph(desk.url);
    const executor = newExecutor();
    const told: string[] = [];
    const began = new Promise<void>((resolve) => {
      executor.on('task:started', ({ task, thread }) => {
        told.push(`${task} started on ${thread}`);
        if (task === 'answer') resolve();
      });
    });
    executor.on('task:interrupted', ({ task }) => told.push(`${task} interrupted`));
    const run = executor.run(graph);
    await desk.asked();
    await began;
    program.process.kill('SIGTERM');
    await program.said(/ SIGTERM: takes no more jobs$/);
    if (args.length === 0) program.process.kill('SIGTERM');
    expect(await program.ended).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/ health: 0 done, 0 failed, 1 refused, 0 running, \d+ MB$/),
    });
    await startProgram('cow');
    (await desk.asked()).end('tea');
    await run;
    expect(graph.result('answer')).toBe('tea');
    expect(told).toEqual([
      'url started on main',
      'answer started on ox',
      'answer interrupted',
      'answer started on cow',
    ]);
  });

  it('refuses functions that are sent as text with --no-source', async () => {
    await startProgram('ox', '--no-source');
    const graph = new TaskGraphBuilder({ name: 'text' }).task('text', () => 1).build();
    await expect(newExecutor().run(graph)).rejects.toThrow(
      'Worker "ox" cannot run the tasks of this process: it takes no functions as text',
    );
  });
});

describe('what goes wrong is told in one line', () => {
  async function endOf(...args: readonly string[]): Promise<Awaited<Program['ended']>> {
    return new Program(...args).ended;
  }

  it('a server that is not there', async () => {
    const { code, stderr } = await endOf('worker', '--connection', 'redis://127.0.0.1:1');
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(stderr.split('\n').at(-1)).toBe(
      'taskmap-ts: The server of the queue cannot be reached: connect ECONNREFUSED 127.0.0.1:1. Start it, or check the `connection` option.',
    );
  });

  it.each([
    [['--moduel', './tasks.js'], "Unknown option '--moduel'. Try --help."],
    [['--module', './nowhere/tasks.js'], `There is no module ${ROOT}nowhere/tasks.js.`],
    [['--module', 'vitest.config.ts'], '"vitest.config.ts" names a package. The file is ./vitest.config.ts.'],
    [['--values', 'package.json'], `--values names the folder of the values. ${ROOT}package.json is a file.`],
    [['--threads', '0'], 'Expected `threads` to be an integer from 1 to 200, got 0.'],
  ])('%j', async (args, complaint) => {
    const ended = await endOf('worker', '--connection', 'redis://127.0.0.1:1', ...args);
    expect(ended).toEqual({ code: 2, stdout: '', stderr: `taskmap-ts: ${complaint}` });
  });
});

describe('what it says about itself', () => {
  it('is its version, and its options', async () => {
    const version = await new Program('--version').ended;
    expect(version).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' });
    const help = await new Program('worker', '--help').ended;
    expect(help).toEqual({
      code: 0,
      stdout: expect.stringContaining('taskmap-ts worker --connection URL'),
      stderr: '',
    });
  });
});
