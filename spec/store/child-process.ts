import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('fixtures/child.ts', import.meta.url));

/** A process of its own that uses a store, and does as it is told. */
export class StoreProcess {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #complaints = '';

  /**
   * @param options - `limit`: what the shell is to limit it by, as `ulimit` takes it; `apart`: how `unshare` is to give it
   * namespaces of its own
   */
  constructor({ limit, apart }: { readonly limit?: string; readonly apart?: readonly string[] } = {}) {
    const command = [process.execPath, '--import', 'tsx', SCRIPT];
    if (limit !== undefined) this.#process = spawn('sh', ['-c', `ulimit ${limit}; exec "$0" "$@"`, ...command]);
    else if (apart !== undefined) this.#process = spawn('unshare', [...apart, ...command]);
    else this.#process = spawn(command[0]!, command.slice(1));
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#process.stderr.on('data', (text) => {
      this.#complaints += text;
    });
    // It may be gone before it has read all it is told.
    this.#process.stdin.on('error', () => {});
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Tells it what to do, and waits for its answer. */
  async told(order: object): Promise<any> {
    this.tell(order);
    return this.answer();
  }

  tell(order: object): void {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
  }

  async answer(): Promise<any> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`The process has ended: ${this.#complaints}`);
    return JSON.parse(value);
  }

  /** Kills it, as only the system can, and waits until it is gone. Returns what it said meanwhile. */
  async killed(): Promise<any[]> {
    const gone = once(this.#process, 'close');
    this.#process.kill('SIGKILL');
    await gone;
    const rest: any[] = [];
    for (let next = await this.#answers.next(); !next.done; next = await this.#answers.next())
      rest.push(JSON.parse(next.value));
    return rest;
  }

  /** Waits until it has ended by itself. */
  async ended(): Promise<void> {
    if (this.#process.exitCode === null) await once(this.#process, 'close');
  }
}
