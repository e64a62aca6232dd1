import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access } from './access.js';
import { type EventStreams, STREAM_HEADERS } from './event-streams.js';
import type { ControlReply, ControlRequest } from './messages.js';
import { contentSecurityPolicy, type PageFile, pageFiles } from './page-files.js';
import type { Controlled, RunControl } from './run-control.js';
import { shownError } from './shown-text.js';

/** A body of a request that is longer is not read. */
const BODY_MAX_BYTES = 4096;

/** An answer that is not the one that was asked for. */
class Refused extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text);
    this.status = status;
    this.headers = headers;
  }
}

/** What the handler of requests works with. */
export interface RequestHandlerParts {
  readonly access: Access;
  readonly streams: EventStreams;
  /** `undefined`: nobody may abort or rerun anything. */
  readonly control: RunControl | undefined;
}

/** Answers requests: the page and its scripts, the events, and what the page may ask for. Everything else is refused. */
export class RequestHandler {
  readonly #access: Access;
  readonly #streams: EventStreams;
  readonly #control: RunControl | undefined;
  readonly #files: ReadonlyMap<string, PageFile>;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ access, streams, control }: RequestHandlerParts) {
    this.#access = access;
    this.#streams = streams;
    this.#control = control;
    this.#files = pageFiles();
    this.#headers = {
      'content-security-policy': contentSecurityPolicy(this.#files.get('/')?.text() ?? ''),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      // The address has the token in it.
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    };
  }

  /** Never throws, and answers in any case. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(this.#headers)) response.setHeader(name, value);
    try {
      await this.#answer(request, response);
    } catch (error) {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const { status, headers } = error instanceof Refused ? error : { status: 500, headers: {} };
      const { message } = error instanceof Refused ? error : shownError(error);
      const hasBody = request.method === 'POST';
      // What is left of a body that is not read would be waited for.
      if (hasBody && !request.complete) response.setHeader('connection', 'close');
      if (hasBody)
        send(
          request,
          response,
          status,
          'application/json; charset=utf-8',
          JSON.stringify({ error: message } satisfies ControlReply),
          headers,
        );
      else send(request, response, status, 'text/plain; charset=utf-8', `${message}\n`, headers);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', headers } = request;
    const { pathname, searchParams } = addressOf(request.url ?? '');
    const refusal = this.#access.refusal(method, headers, searchParams);
    if (refusal !== undefined)
      throw new Refused(refusal.status, refusal.text, refusal.status === 401 ? { 'www-authenticate': 'Bearer' } : {});
    if (pathname === '/abort' || pathname === '/rerun') {
      allow(method, ['POST']);
      const { status, reply } = await this.#controlled(pathname, await controlRequestIn(request, this.#control));
      send(request, response, status, 'application/json; charset=utf-8', JSON.stringify(reply));
      return;
    }
    const file = this.#files.get(pathname);
    if (file === undefined && pathname !== '/events')
      throw new Refused(404, 'There is nothing here. The page is at /.');
    allow(method, ['GET', 'HEAD']);
    if (file !== undefined) {
      if (pathname === '/' && this.#access.cookie !== undefined) response.setHeader('set-cookie', this.#access.cookie);
      send(request, response, 200, file.type, file.text());
    } else if (method === 'HEAD') {
      const { 'content-type': type, ...headers } = STREAM_HEADERS;
      send(request, response, 200, type, '', headers);
    } else if (this.#streams.isFull) {
      throw new Refused(503, `${this.#streams.size} pages watch this dashboard already. Close one of them.`, {
        'retry-after': '10',
      });
    } else {
      this.#streams.add(response);
    }
  }

  async #controlled(
    pathname: '/abort' | '/rerun',
    { control, runId }: { readonly control: RunControl; readonly runId: string },
  ): Promise<Controlled> {
    return pathname === '/abort' ? control.abort(runId) : control.rerun(runId);
  }
}

/** @throws {@link Refused} */
function addressOf(url: string): URL {
  // Servers are asked for a path. Whoever asks for more takes this one for a proxy.
  if (url.startsWith('/')) {
    try {
      return new URL(`http://dashboard${url}`);
    } catch {
      // Then it is none.
    }
  }
  throw new Refused(400, 'This is no path.');
}

function allow(method: string, methods: readonly string[]): void {
  if (!methods.includes(method))
    throw new Refused(405, `This is asked for by ${methods.join(' or ')}.`, { allow: methods.join(', ') });
}

/** @throws {@link Refused} */
async function controlRequestIn(
  request: IncomingMessage,
  control: RunControl | undefined,
): Promise<{ control: RunControl; runId: string }> {
  if (control === undefined)
    throw new Refused(
      403,
      'This dashboard only shows. To allow more, call serveDashboard(executor, { control: true }).',
    );
  // No page of another site can send this type without asking first, and whoever asks is refused.
  if (!/^application\/json *(;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new Refused(415, 'The body must be application/json.');
  let runId: unknown;
  try {
    ({ runId } = JSON.parse(await bodyOf(request)) as ControlRequest);
  } catch (error) {
    if (error instanceof Refused) throw error;
  }
  if (typeof runId !== 'string') throw new Refused(400, 'The body must be {"runId": "…"}.');
  return { control, runId };
}

/** Reads no further than allowed, and leaves the connection as it is, so that an answer can be sent. */
function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= BODY_MAX_BYTES) return;
      request.off('data', onData).pause();
      reject(new Refused(413, `The body must be no longer than ${BODY_MAX_BYTES} bytes.`));
    };
    request.on('data', onData);
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    // Nobody waits for an answer any more.
    request.once('close', () => reject(new Refused(400, 'The body was cut off.')));
    request.on('error', () => {});
  });
}

function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers });
  response.end(method === 'HEAD' ? undefined : text);
}
