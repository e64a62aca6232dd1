import {
  type ClientRequest,
  get,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  request,
} from 'node:http';
import { applyToRuns } from '../../src/dashboard/apply-changes.js';
import type { Changes, ShownRun, Snapshot } from '../../src/dashboard/messages.js';

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends a request with exactly these headers, and reads the whole answer. */
export function ask(
  url: string,
  { body, ...options }: RequestOptions & { readonly body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, ...options }, async (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('error', reject);
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode!, headers: response.headers, text });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Asks for something to be done, as the page does. */
export function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return ask(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

/** One message of a stream. */
export interface StreamMessage {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Reads server-sent events as a page does, and keeps the runs up to date. */
export class EventReader {
  readonly messages: StreamMessage[] = [];
  /** Lines that are no messages: what keeps the connection alive. */
  readonly comments: string[] = [];
  headers: IncomingHttpHeaders = {};
  status = 0;
  control = false;
  runs: readonly ShownRun[] = [];
  /** Whether the other side has ended it. */
  ended = false;
  readonly #request: ClientRequest;
  #response: IncomingMessage | undefined;
  #rest = '';
  #wake: (() => void)[] = [];

  constructor(url: string, options: RequestOptions = {}) {
    this.#request = get(new URL('/events', url), { agent: false, ...options }, (response) => {
      this.#response = response;
      this.status = response.statusCode!;
      this.headers = response.headers;
      response.setEncoding('utf8');
      response.on('data', (text: string) => this.#read(text));
      response.on('error', () => {});
      response.on('close', () => {
        this.ended = true;
        this.#awake();
      });
      this.#awake();
    });
    this.#request.on('error', () => {
      this.ended = true;
      this.#awake();
    });
  }

  /** Waits until something is so. It is looked at whenever something comes in. */
  async until(isSo: (reader: this) => boolean): Promise<this> {
    while (!isSo(this)) {
      if (this.ended) throw new Error('The stream has ended.');
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    return this;
  }

  /** Waits for the first snapshot. */
  connected(): Promise<this> {
    return this.until(({ messages }) => messages.some(({ event }) => event === 'snapshot'));
  }

  /** Waits for the other side to end it. */
  async untilEnded(): Promise<void> {
    while (!this.ended) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  run(runId: string): ShownRun | undefined {
    return this.runs.find((run) => run.runId === runId);
  }

  /** How many messages of a kind have come. */
  count(event: 'snapshot' | 'changes'): number {
    return this.messages.filter((message) => message.event === event).length;
  }

  /** Reads nothing more, and leaves the connection open. */
  pause(): void {
    this.#response?.pause();
    this.#response?.socket.pause();
  }

  resume(): void {
    this.#response?.socket.resume();
    this.#response?.resume();
  }

  /** Breaks the connection. */
  close(): void {
    this.#request.destroy();
  }

  #read(text: string): void {
    const parts = (this.#rest + text).split('\n\n');
    this.#rest = parts.pop()!;
    for (const part of parts) this.#take(part.split('\n'));
    this.#awake();
  }

  #take(lines: readonly string[]): void {
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const [id, event, data] = [field('id'), field('event'), field('data')];
    if (id === undefined || event === undefined || data === undefined) {
      this.comments.push(...lines);
      return;
    }
    this.messages.push({ id, event, data });
    if (event === 'snapshot') ({ runs: this.runs, control: this.control } = JSON.parse(data) as Snapshot);
    else this.runs = applyToRuns(this.runs, JSON.parse(data) as Changes);
  }

  #awake(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
