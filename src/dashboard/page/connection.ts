import type { Changes, Snapshot } from '../messages.js';

/** `'over'`: nobody has answered for a while; the page goes on asking. */
export type ConnectionState = 'connecting' | 'live' | 'reconnecting' | 'over';

export interface ConnectionListener {
  snapshot(snapshot: Snapshot): void;
  changes(changes: Changes): void;
  state(state: ConnectionState): void;
}

const FIRST_PAUSE_MS = 250;
const PAUSE_MAX_MS = 5_000;
/** After so many attempts in vain, the program has ended, as far as the page can know. */
const OVER_AFTER = 4;

/** What the server tells, for as long as there is one: a connection that ends is made again, and begins with a snapshot. */
export class Connection {
  readonly #listener: ConnectionListener;
  #source: EventSource | undefined;
  #inVain = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: ConnectionListener) {
    this.#listener = listener;
  }

  /** Connects, anew if there is a connection: what has been missed comes with the snapshot. */
  open(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource('events');
    this.#source = source;
    source.addEventListener('snapshot', ({ data }) => {
      this.#inVain = 0;
      this.#listener.state('live');
      this.#listener.snapshot(JSON.parse(data));
    });
    source.addEventListener('changes', ({ data }) => this.#listener.changes(JSON.parse(data)));
    // The browser's own way to reconnect gives up when anything but the server answers, and says nothing of it.
    source.addEventListener('error', () => {
      source.close();
      if (source !== this.#source) return;
      this.#inVain++;
      this.#listener.state(this.#inVain > OVER_AFTER ? 'over' : 'reconnecting');
      this.#timer = setTimeout(() => this.open(), Math.min(FIRST_PAUSE_MS * 2 ** (this.#inVain - 1), PAUSE_MAX_MS));
    });
  }
}

/**
 * Asks the server to do something with a run.
 *
 * @returns what went wrong, as a sentence; `undefined` if nothing did
 */
export async function ask(what: 'abort' | 'rerun', runId: string): Promise<string | undefined> {
  try {
    const answer = await fetch(what, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ runId }),
    });
    if (answer.ok) return undefined;
    return reasonIn(await answer.text()) ?? `The server answered ${answer.status} ${answer.statusText}.`;
  } catch {
    return 'The server cannot be reached. Has the program ended?';
  }
}

/** Servers say why as text or as JSON. */
function reasonIn(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    for (const key of ['error', 'message']) {
      const found =
        typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>)[key] : undefined;
      if (typeof found === 'string' && found !== '') return found;
    }
    return typeof parsed === 'string' ? parsed : undefined;
  } catch {
    return text.trim() === '' ? undefined : text.trim().slice(0, 500);
  }
}
