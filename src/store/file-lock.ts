import { StoreLockedError, StoreLostError } from '../errors.js';
import { clock } from './clock.js';
import {
  COPY_NEW,
  codeOf,
  discard,
  makeFile,
  patiently,
  READ_ITSELF,
  storeFailure,
  system,
  UPDATE_ITSELF,
  writeWhole,
} from './file-system.js';
import { type LockOwner, ownerFrom, ownerHere, stateOf } from './lock-owner.js';

/** How often an owner renews its lock, in milliseconds. */
const RENEWED_EVERY_MS = 3_000;
/** How long an owner of whom nothing else is known has to be silent until its lock is taken over, in milliseconds. */
const SILENT_FOR_MS = 30_000;
/** How long it is watched at least, however long it has been silent by the clock: clocks jump, and machines sleep. */
const WATCHED_MIN_MS = 3 * RENEWED_EVERY_MS;
/** How often it is looked at meanwhile, in milliseconds. */
const LOOKED_AT_EVERY_MS = 250;
/** Each round ends because somebody else has got on. That none of so many holds the lock is out of the question. */
const ROUNDS_MAX = 1_000;

/** A lock as it was found. */
interface FoundLock {
  readonly owner: LockOwner;
  /** By the clock of the file system. */
  readonly renewedAtMs: number;
}

/**
 * Sees to it that one store at a time uses a file: a second file beside it says who does, and is renewed as long as it
 * does.
 *
 * ```
 *   nobody ── link: fails if it is there ─► held, renewed every 3 s ── unlink ─► nobody
 *                                            │ its thread has ended; or, where
 *                                            ▼ nobody can tell, silent for 30 s
 *            `<lock>.<token of the dead>` is linked: one of all who try succeeds, and replaces the lock
 * ```
 *
 * A lock is written under a name of its own first, and then given its name, so that nobody ever reads half of one. A
 * process that dies while it takes over a dead one's lock is taken over in its turn, by its own token.
 *
 * An owner that was only silent may live, and may be about to write. Nothing that it writes then does harm:
 *
 * - It looks whether the lock is its own before it writes, and again before it calls anything safe. So what is safe was
 *   in the file before anybody else read it.
 * - Whoever took over from it writes the file anew and gives that the name: a write that was under way goes to the old
 *   one.
 * - A file that the owner has made to take the name has the owner's token in its own name, and is removed.
 */
export class FileLock {
  /** The lock was taken from an owner that had only been silent. */
  isFromSilent = false;
  readonly #path: string;
  readonly #lock: string;
  readonly #me: LockOwner = ownerHere();
  readonly #bytes: Buffer;
  /** When it was written, by the clock of the file system. */
  #writtenAtMs = 0;
  #renewedAtMs = 0;
  #lost: StoreLostError | undefined;

  /** @throws {@link StoreLockedError} when somebody else has it */
  constructor(path: string) {
    this.#path = path;
    this.#lock = `${path}.lock`;
    this.#bytes = Buffer.from(JSON.stringify(this.#me));
    const mine = this.#newLockOf(this.#me.token);
    try {
      this.#write(mine);
      this.#take(mine);
    } catch (error) {
      throw storeFailure(path, 'lock', error);
    } finally {
      discard(mine);
    }
    this.#renewedAtMs = clock.now();
    if (HELD.size === 0) stopRenewing = clock.every(RENEWED_EVERY_MS, renewAll);
    HELD.add(this);
  }

  /** Why the lock is held no more, if that was noticed. */
  get lost(): StoreLostError | undefined {
    return this.#lost;
  }

  /** Where a file may be made that is to replace the one of the store. Whoever takes over removes it. */
  get replacementPath(): string {
    return this.#replacementOf(this.#me.token);
  }

  /**
   * Looks whether the lock is still held, and the file still there.
   *
   * @throws {@link StoreLostError} if not, and from then on
   * @throws {@link StoreFailedError} if that could not be found out
   */
  check(): void {
    this.#look(clock.now() - this.#renewedAtMs >= RENEWED_EVERY_MS);
    const file = this.#asked(() => system.stat(this.#path, { throwIfNoEntry: false }));
    if (file === undefined) this.#lose(undefined);
  }

  /** Lets go of it, unless it is another's by now. */
  release(): void {
    HELD.delete(this);
    if (HELD.size === 0) stopRenewing();
    try {
      if (this.#isMine(found(this.#lock))) discard(this.#lock);
    } catch {
      // It cannot be read. Others find that its owner has ended, or is silent.
    }
  }

  /** Says that its owner lives. Should it be lost, that is told by what uses the store next. */
  renew(): void {
    try {
      this.#look(true);
    } catch {
      // It is tried again soon enough.
    }
  }

  #look(renews: boolean): void {
    if (this.#lost !== undefined) throw this.#lost;
    const renewal = renews ? { token: this.#me.token, bytes: this.#bytes } : undefined;
    const lock = this.#asked(() => found(this.#lock, renewal));
    if (!this.#isMine(lock)) this.#lose(lock?.owner);
    if (renews) this.#renewedAtMs = clock.now();
  }

  #asked<T>(ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      throw storeFailure(this.#path, 'check the lock of', error);
    }
  }

  #lose(owner: LockOwner | undefined): never {
    this.#lost = new StoreLostError(this.#path, owner);
    throw this.#lost;
  }

  #isMine(lock: FoundLock | undefined): boolean {
    return lock?.owner.token === this.#me.token;
  }

  #write(path: string): void {
    const fd = makeFile(path, undefined);
    try {
      writeWhole(fd, this.#bytes, 0);
      this.#writtenAtMs = system.fstat(fd).mtimeMs;
    } finally {
      system.close(fd);
    }
  }

  #take(mine: string): void {
    let last: LockOwner | undefined;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      if (linked(mine, this.#lock)) return;
      const lock = found(this.#lock);
      // A file server that was asked twice refuses the second time what it has done the first time.
      if (this.#isMine(lock)) return;
      last = lock?.owner ?? last;
      if (lock !== undefined && this.#hasEnded(this.#lock, lock) && this.#takenOver(lock, mine)) return;
    }
    throw this.#refusal(last ?? UNREADABLE);
  }

  /** Whether the lock of a dead owner is mine now. */
  #takenOver(dead: FoundLock, mine: string): boolean {
    const tokens = [dead.owner.token];
    for (;;) {
      const claim = this.#claimOn(tokens.at(-1)!);
      if (linked(mine, claim)) break;
      const claimant = found(claim);
      if (this.#isMine(claimant)) break;
      if (claimant === undefined || tokens.length === ROUNDS_MAX || !this.#hasEnded(claim, claimant)) return false;
      tokens.push(claimant.owner === UNREADABLE ? `${UNREADABLE.token}-${tokens.length}` : claimant.owner.token);
    }
    // One of them may only have slept before it replaces the lock: now it cannot do that any more.
    for (const token of tokens.slice(1)) discard(this.#newLockOf(token));
    // Who was slow may have made a claim that all others are long done with: the lock says whether it is still that of
    // the dead one, and whether that is still silent.
    const now = found(this.#lock);
    const isStillDead = now?.owner.token === dead.owner.token && now.renewedAtMs === dead.renewedAtMs;
    try {
      if (isStillDead) patiently(() => system.rename(mine, this.#lock));
    } catch (error) {
      discard(this.#claimOn(tokens.at(-1)!));
      throw error;
    }
    for (const token of isStillDead ? tokens : tokens.slice(-1)) discard(this.#claimOn(token));
    if (isStillDead) for (const token of tokens) discard(this.#replacementOf(token));
    return isStillDead;
  }

  /**
   * Whether an owner has ended, or been silent for so long that it counts as ended; `false` if it has let go meanwhile.
   * Where that can be told from here, it is told at once.
   *
   * @throws {@link StoreLockedError} if it lives
   */
  #hasEnded(path: string, { owner, renewedAtMs }: FoundLock): boolean {
    const silentForMs = Math.max(0, this.#writtenAtMs - renewedAtMs);
    const watchedForMs = Math.max(WATCHED_MIN_MS, SILENT_FOR_MS - silentForMs);
    // Looks are counted, and not the time that they take: while a machine sleeps, nobody looks.
    for (let watchedMs = 0; ; watchedMs += LOOKED_AT_EVERY_MS) {
      const state = stateOf(owner, this.#me);
      if (state === 'ended') return true;
      if (state === 'alive') throw this.#refusal(owner);
      if (watchedMs >= watchedForMs) {
        this.isFromSilent = true;
        return true;
      }
      clock.block(LOOKED_AT_EVERY_MS);
      // Meanwhile nobody else in this thread can do that.
      renewAll();
      const now = found(path);
      // Who lets go of a lock lived, and is refused to others as one whose life can be seen.
      if (now === undefined && path === this.#lock) throw this.#refusal(owner);
      if (now?.owner.token !== owner.token) return false;
      if (now.renewedAtMs !== renewedAtMs) throw this.#refusal(owner);
    }
  }

  #refusal(owner: LockOwner): StoreLockedError {
    const isNear = owner.namespace === this.#me.namespace;
    const where =
      owner === UNREADABLE ? 'unknown' : !isNear ? 'elsewhere' : owner.pid === process.pid ? 'here' : 'this-host';
    return new StoreLockedError(this.#path, owner.pid, owner.host, where);
  }

  #newLockOf(token: string): string {
    return `${this.#lock}.${token}.new`;
  }

  #claimOn(token: string): string {
    return `${this.#lock}.${token}`;
  }

  #replacementOf(token: string): string {
    return `${this.#path}.${token}.compact`;
  }
}

/** The locks that this thread has. */
const HELD = new Set<FileLock>();
let stopRenewing: () => void = () => {};

function renewAll(): void {
  for (const lock of HELD) lock.renew();
}

function linked(from: string, to: string): boolean {
  try {
    system.link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) throw error;
  }
  // A file system without links. Here, another process may read half of the copy: it watches then what becomes of it.
  try {
    system.copy(from, to, COPY_NEW);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The lock that is there, if one is. It is written anew, just as it is, if its owner asks for that. */
function found(path: string, renewal?: { readonly token: string; readonly bytes: Buffer }): FoundLock | undefined {
  let fd: number;
  try {
    fd = system.open(path, renewal === undefined ? READ_ITSELF : UPDATE_ITSELF);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    const stats = codeOf(error) === 'ELOOP' ? system.lstat(path, { throwIfNoEntry: false }) : undefined;
    if (stats === undefined) throw error;
    return { owner: UNREADABLE, renewedAtMs: stats.mtimeMs };
  }
  try {
    const { mtimeMs } = system.fstat(fd);
    const owner = ownerFrom(system.readFile(fd, 'utf8')) ?? UNREADABLE;
    if (renewal !== undefined && renewal.token === owner.token) writeWhole(fd, renewal.bytes, 0);
    return { owner, renewedAtMs: mtimeMs };
  } finally {
    system.close(fd);
  }
}

/** Whose lock says nothing that can be read: a file that was cut off, a link, or anything else. */
const UNREADABLE: LockOwner = { pid: 0, host: '', namespace: '', thread: 0, began: '', token: 'unreadable' };
