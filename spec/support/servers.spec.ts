import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPostgresBackend, Queue, Worker, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hasRedis, NO_REDIS, nativePostgres, type Server, startPostgres, startRedis } from './servers.js';

/** Making the data of a PostgreSQL takes longer than hooks are given, when the machine is busy. */
const START_MS = 60_000;

describe.skipIf(!hasRedis)(hasRedis ? 'startRedis()' : `startRedis() (${NO_REDIS})`, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startRedis({ persistence: true });
  }, START_MS);
  afterAll(() => server.stop());

  it('starts a server that answers', async () => {
    expect(server).toMatchObject({
      backend: 'redis',
      url: expect.stringMatching(/^redis:\/\/127\.0\.0\.1:\d+$/),
      pid: expect.any(Number),
    });
    expect(await withRedis(server, (redis) => redis.ping())).toBe('PONG');
  });

  it('starts a server that keeps jobs rather than memory, and carries them', async () => {
    expect(await withRedis(server, (redis) => redis.config('GET', 'maxmemory-policy'))).toEqual([
      'maxmemory-policy',
      'noeviction',
    ]);
    const connection = { url: server.url, maxRetriesPerRequest: null };
    expect(await jobDone(new Queue('q', { connection }), new Worker('q', double, { connection, autorun: false }))).toBe(
      42,
    );
  });

  it('starts a server that has what was written when it is killed and started again', async () => {
    await withRedis(server, (redis) => redis.set('key', 'kept'));
    const killed = server.pid;
    await server.kill();
    expect(isRunning(killed)).toBe(false);
    await server.restart();
    expect(server.pid).not.toBe(killed);
    expect(await withRedis(server, (redis) => redis.get('key'))).toBe('kept');
  });

  it('starts one that forgets everything when nothing else is asked for, and is known to nobody without its password', async () => {
    const forgetful = await startRedis({ password: 'p:w/d', maxmemory: '32mb' });
    try {
      expect(await withRedis(forgetful, (redis) => redis.config('GET', 'maxmemory'))).toEqual([
        'maxmemory',
        String(32 * 1024 * 1024),
      ]);
      await withRedis(forgetful, (redis) => redis.set('key', 'lost'));
      await forgetful.restart();
      expect(await withRedis(forgetful, (redis) => redis.get('key'))).toBe(null);
      const { port } = new URL(forgetful.url);
      await expect(withRedis({ url: `redis://127.0.0.1:${port}` }, (redis) => redis.get('key'))).rejects.toThrow(
        'NOAUTH',
      );
    } finally {
      await forgetful.stop();
    }
  });

  it('starts servers that stop() leaves nothing of, killed or not, once or twice', async () => {
    const [running, killed] = await Promise.all([startRedis(), startRedis()]);
    await killed.kill();
    await Promise.all([running.stop(), killed.stop()]);
    await running.stop();
    for (const { pid, folder } of [running, killed])
      expect([isRunning(pid), existsSync(folder)]).toEqual([false, false]);
  });

  it('starts servers that do not outlive the process that wanted them, however it ended', async () => {
    const { pid, folder } = await startedByAProcessThatIsKilled('startRedis');
    await expect.poll(() => [isRunning(pid), existsSync(folder)], { timeout: 10_000 }).toEqual([false, false]);
  });
});

describe('startPostgres()', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startPostgres();
  }, START_MS);
  afterAll(() => server.stop());

  it('starts a server that answers', async () => {
    expect(server).toMatchObject({
      backend: 'postgres',
      url: expect.stringMatching(/^postgres:\/\/postgres@127\.0\.0\.1:\d+\/postgres$/),
    });
    expect(await rowsOf(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('starts a server that carries jobs', async () => {
    const postgres = withBackend(createPostgresBackend);
    const connection = { connectionString: server.url, migrate: true, schema: 'jobs' };
    expect(
      await jobDone(
        new postgres.Queue('q', { connection }),
        new postgres.Worker('q', double, { connection, autorun: false }),
      ),
    ).toBe(42);
  });

  it('starts a server that has what was written when it is killed and started again', async () => {
    await rowsOf(server, 'CREATE TABLE kept AS SELECT generate_series(1, 10000) AS number');
    const killed = server.pid;
    await server.kill();
    expect(isRunning(killed)).toBe(false);
    await server.restart();
    expect(server.pid).not.toBe(killed);
    expect(await rowsOf(server, 'SELECT count(*)::int, sum(number)::int FROM kept')).toEqual([
      { count: 10_000, sum: 50_005_000 },
    ]);
  });

  it('starts a server that is killed while it works, and has what it had told to be written', async () => {
    await rowsOf(server, 'CREATE TABLE told (number int)');
    const client = new Client(server.url);
    client.on('error', () => {});
    await client.connect();
    let told = 0;
    const writing = (async () => {
      for (;;) {
        await client.query('INSERT INTO told VALUES ($1)', [told + 1]);
        told++;
      }
    })().catch(() => {});
    await expect.poll(() => told, { timeout: 10_000 }).toBeGreaterThan(50);
    await server.kill();
    await writing;
    await server.restart();
    const [{ count }] = (await rowsOf(server, 'SELECT count(*)::int FROM told')) as [{ count: number }];
    // One more may have been written, and not told any more.
    expect(count - told).toBeOneOf([0, 1]);
  });

  it('starts servers where temporary files are private to whoever starts them, also by root', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'private-'));
    vi.stubEnv('TMPDIR', folder);
    const other = await startPostgres();
    vi.unstubAllEnvs();
    try {
      expect(await rowsOf(other, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      await other.stop();
      rmSync(folder, { recursive: true });
    }
    expect(existsSync(other.folder)).toBe(false);
  });

  it('starts servers where the packages are private to whoever starts them, also by root', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'private-'));
    cpSync(nativePostgres(), join(folder, 'native'), { recursive: true, verbatimSymlinks: true });
    const other = await startPostgres({ native: join(folder, 'native') });
    try {
      expect(await rowsOf(other, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      await other.stop();
      rmSync(folder, { recursive: true });
    }
    expect(existsSync(other.folder)).toBe(false);
  });

  it('starts servers that stop() leaves nothing of', async () => {
    const other = await startPostgres({ fsync: true });
    expect(await rowsOf(other, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
    await other.stop();
    expect([isRunning(other.pid), existsSync(other.folder)]).toEqual([false, false]);
  });

  it('starts servers that do not outlive the process that wanted them, however it ended', async () => {
    const { pid, folder } = await startedByAProcessThatIsKilled('startPostgres');
    await expect.poll(() => [isRunning(pid), existsSync(folder)], { timeout: 10_000 }).toEqual([false, false]);
  });
});

const double = async ({ data }: { readonly data: number }): Promise<number> => 2 * data;

// Among their types are the backend and what it connects with.
type AnyQueue = Queue<any, any, string, any, any, string, any, any>;
type AnyWorker = Worker<any, any, string, any, any, any>;

/** What comes of a job that is added to the queue and done by the worker. */
async function jobDone(queue: AnyQueue, worker: AnyWorker): Promise<unknown> {
  try {
    const done = new Promise((resolve, reject) => {
      worker.on('completed', (_, result) => resolve(result));
      worker.on('failed', (_, error) => reject(error));
      worker.on('error', reject);
      queue.on('error', reject);
    });
    await queue.add('double', 21);
    worker.run().catch(() => {});
    return await done;
  } finally {
    await worker.close();
    await queue.close();
  }
}

async function withRedis<T>({ url }: Pick<Server, 'url'>, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  redis.on('error', () => {});
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

async function rowsOf({ url }: Server, sql: string): Promise<unknown[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Starts a server in another process, which kills itself then. */
async function startedByAProcessThatIsKilled(
  start: 'startRedis' | 'startPostgres',
): Promise<{ readonly pid: number; readonly folder: string }> {
  const code = `
    const { ${start} } = await import(${JSON.stringify(new URL('./servers.ts', import.meta.url).href)});
    const { pid, folder } = await ${start}();
    process.stdout.write(JSON.stringify({ pid, folder }), () => process.kill(process.pid, 'SIGKILL'));
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const [, signal] = await once(child, 'close');
  expect(signal).toBe('SIGKILL');
  return JSON.parse(said);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // In a container there may be nobody who collects the dead that have lost their parent.
    const status = `/proc/${pid}/stat`;
    return !existsSync(status) || !readFileSync(status, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
