import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { StoreLockedError } from '../errors.js';
import { COPY_NEW, codeOf, discard, makeFile, storeFailure, system, writeWhole } from './file-system.js';

/** Who holds a lock, as its file says. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, as its system says: another one of the same number began at another time. `''` where the system does not say. */
  readonly started: string;
  /** Another one for each lock that was ever taken. */
  readonly token: string;
}

/**
 * Sees to it that one store at a time uses a file: a second file beside it says who does.
 *
 * ```
 *   nobody ── link: fails if it is there ─► held ── unlink ─► nobody
 *                                            │ its process is dead
 *                                            ▼
 *            `<lock>.<token of the dead>` is linked: one of all who try succeeds, and replaces the lock
 * ```
 *
 * A lock is written under a name of its own first, and then given its name, so that nobody ever reads half of one. A process that dies while it takes over a dead
 * one's lock is taken over in its turn, by its own token.
 */
export class FileLock {
  readonly #path: string;
  readonly #lock: string;
  readonly #me: Owner;

  /** @throws {@link StoreLockedError} when somebody else has it */
  constructor(path: string) {
    this.#path = path;
    this.#lock = `${path}.lock`;
    this.#me = { pid: process.pid, host: hostname(), started: startOf(process.pid), token: randomUUID() };
    const mine = `${this.#lock}.${this.#me.token}.new`;
    try {
      const fd = makeFile(mine, undefined);
      try {
        writeWhole(fd, Buffer.from(JSON.stringify(this.#me)), 0);
      } finally {
        system.close(fd);
      }
      this.#take(mine);
    } catch (error) {
      throw storeFailure(path, 'lock', error);
    } finally {
      discard(mine);
    }
  }

  /** Lets go of it, unless somebody has removed it by hand, and it is another's by now. */
  release(): void {
    if (readOwner(this.#lock)?.token === this.#me.token) discard(this.#lock);
  }

  #take(mine: string): void {
    // Each round ends because somebody else has got on. That this happens so often without one of them holding the lock is out of the question.
    for (let round = 0; round < ROUNDS_MAX; round++) {
      if (linked(mine, this.#lock)) return;
      const owner = readOwner(this.#lock);
      if (owner === undefined) continue;
      this.#refuseIfAlive(owner);
      if (this.#takenOver(owner, mine)) return;
    }
    throw new StoreLockedError(this.#path, this.#lock, 0, '', 'elsewhere');
  }

  /** Whether the lock of a dead process is mine now. */
  #takenOver(dead: Owner, mine: string): boolean {
    const claims: string[] = [];
    let last = dead;
    for (;;) {
      const claim = `${this.#lock}.${last.token}`;
      claims.push(claim);
      if (linked(mine, claim)) break;
      const claimant = readOwner(claim);
      if (claimant === undefined) return false;
      this.#refuseIfAlive(claimant);
      last = claimant;
    }
    // Who was slow may have made a claim that all others are long done with: the lock says whether it is still that of the dead one.
    const isStillDead = readOwner(this.#lock)?.token === dead.token;
    try {
      if (isStillDead) system.rename(mine, this.#lock);
    } catch (error) {
      discard(claims.at(-1)!);
      throw error;
    }
    for (const claim of isStillDead ? claims : claims.slice(-1)) discard(claim);
    return isStillDead;
  }

  #refuseIfAlive(owner: Owner): void {
    const where =
      owner.host !== this.#me.host
        ? 'elsewhere'
        : owner.pid === this.#me.pid && owner.started === this.#me.started
          ? 'here'
          : 'this-host';
    if (where === 'this-host' && !isAlive(owner)) return;
    throw new StoreLockedError(this.#path, this.#lock, owner.pid, owner.host, where);
  }
}

const ROUNDS_MAX = 1_000;

function linked(from: string, to: string): boolean {
  try {
    system.link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) throw error;
  }
  // A file system without links. Here, another process may read half of the copy, and take it for that of a dead one.
  try {
    system.copy(from, to, COPY_NEW);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Who the file names; `undefined` if there is none. One that names nobody is taken for that of a dead process. */
function readOwner(path: string): Owner | undefined {
  let text: string;
  try {
    text = system.readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { pid, host, started, token } = JSON.parse(text) as Record<keyof Owner, unknown>;
    // The token becomes part of a name.
    if (typeof pid === 'number' && typeof host === 'string' && typeof token === 'string' && /^[\w-]+$/.test(token))
      return { pid, host, started: String(started), token };
  } catch {
    // No JSON: what a machine that lost power has left of it, perhaps.
  }
  return { pid: 0, host: hostname(), started: '', token: 'unreadable' };
}

function isAlive({ pid, started }: Owner): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is one, and it is another user's.
    if (codeOf(error) === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return started === '' || now === '' || now === started;
}

/** When a process began: the boot and the ticks since, where the system has them; that it has ended, if it only waits to be taken note of. */
function startOf(pid: number): string {
  try {
    // The second field is the name of the program, in parentheses, and may hold anything. Start time is the 22nd.
    const fields = system
      .readFile(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    if (fields[0] === 'Z') return 'ended';
    return `${system.readFile('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${fields[19]}`;
  } catch {
    return '';
  }
}
