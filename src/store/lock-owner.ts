import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import { codeOf, system } from './file-system.js';

/** Who holds a lock, as its file says. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Where that number says something: in one namespace of processes, of one start of a machine. */
  readonly namespace: string;
  /** Its thread, by the number that the system gives it, or else by that of Node.js. */
  readonly thread: number;
  /** When the thread began, in some words: another one of the same number began at another time. */
  readonly began: string;
  /** Another one for each lock that was ever taken. */
  readonly token: string;
}

/** This thread, as the owner of a lock that was never taken before. */
export function ownerHere(): LockOwner {
  const { pid } = process;
  const host = hostname();
  const token = randomUUID();
  return { pid, host, ...(placeBySystem(pid) ?? placeByHost(host, token)), token };
}

/**
 * Whether an owner lives. `'unknown'` if that cannot be told from here: it is in another namespace or on another
 * machine, or the system does not say when a thread began, so that it may be another one by now.
 */
export function stateOf(owner: LockOwner, here: LockOwner): 'alive' | 'ended' | 'unknown' {
  if (owner.namespace !== here.namespace) return 'unknown';
  if (!isProcess(owner.pid)) return 'ended';
  const isHere = owner.pid === here.pid && owner.thread === here.thread;
  const began = isHere ? here.began : beganBySystem(owner.pid, owner.thread);
  if (began === undefined) return 'unknown';
  return began === owner.began ? 'alive' : 'ended';
}

/** The owner that is written here, if one is. */
export function ownerFrom(text: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(text) as LockOwner;
    const { pid, host, namespace, thread, began, token } = owner;
    const isOwner =
      Number.isSafeInteger(pid) &&
      pid > 0 &&
      Number.isSafeInteger(thread) &&
      [host, namespace, began, token].every((field) => typeof field === 'string') &&
      // It becomes part of a name.
      /^[\w-]+$/.test(token);
    return isOwner ? owner : undefined;
  } catch {
    // No JSON: what a machine that lost power has left of it, perhaps.
    return undefined;
  }
}

type OwnersPlace = Pick<LockOwner, 'namespace' | 'thread' | 'began'>;

/** As Linux tells it. */
function placeBySystem(pid: number): OwnersPlace | undefined {
  try {
    const boot = system.readFile('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const [namespace, self] = ['/proc/self/ns/pid', '/proc/thread-self'].map((path) => system.readlink(path));
    // A process and its thread by number: those of another namespace, if what is mounted there is that of another one.
    const thread = Number(/^(\d+)\/task\/(\d+)$/.exec(self!)?.[2]);
    const began = self === `${pid}/task/${thread}` ? beganBySystem(pid, thread) : undefined;
    return began === undefined ? undefined : { namespace: `${boot} ${namespace}`, thread, began };
  } catch {
    return undefined;
  }
}

/**
 * Where the system tells less: numbers are those of the host, and of Linux, which has namespaces, nobody knows whose.
 */
function placeByHost(host: string, token: string): OwnersPlace {
  const namespace = process.platform === 'linux' ? `unknown ${token}` : `host ${host}`;
  return { namespace, thread: threadId, began: String(THREAD_BEGAN) };
}

const THREAD_BEGAN = performance.timeOrigin;
const ENDED = 'ended';

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: there is one, and it is another user's.
    return codeOf(error) !== 'ESRCH';
  }
}

/** When a thread began, in ticks since the machine was started; {@link ENDED} if it is there no more. */
function beganBySystem(pid: number, thread: number): string | undefined {
  const fields = statOf(`/proc/${pid}/task/${thread}/stat`);
  if (fields !== undefined) return fields[0] === 'Z' || fields[0] === 'X' ? ENDED : fields[19];
  // Its process may be hidden from this user, with its threads.
  return statOf(`/proc/${pid}/stat`) === undefined ? undefined : ENDED;
}

/** From the third field on: the second is the name of the program, in parentheses, and may hold anything. */
function statOf(path: string): string[] | undefined {
  try {
    return system
      .readFile(path, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return undefined;
  }
}
