import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Why a request is refused. */
export interface Refusal {
  readonly status: 401 | 403;
  /** A sentence or two: what is wrong, and what to do. */
  readonly text: string;
}

const TOKEN_BYTES = 24;
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);
/** What a browser says of a request that a page of another site has caused. */
const FOREIGN_SITES: readonly unknown[] = ['cross-site', 'same-site'];

/** Whether only programs of this machine reach what listens there. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host.toLowerCase()) || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Who may ask a dashboard what.
 *
 * On a loopback address, every program of this machine may. A page of the web may not, although the browser that shows it runs here: requests by another name than
 * those of the machine are refused, for a page can give its own name to this address (DNS rebinding), and so are requests that a browser says come from another
 * site. On any other address, whoever knows the token may.
 */
export class Access {
  /** What one must know; `undefined` on a loopback address. */
  readonly token: string | undefined;
  readonly #host: string;
  readonly #port: number;

  constructor(host: string, port: number) {
    this.#host = host.toLowerCase();
    this.#port = port;
    this.token = isLoopback(host) ? undefined : randomBytes(TOKEN_BYTES).toString('base64url');
  }

  /** What keeps the token for the page. Cookies are those of a host, whatever the port, so its name has the port in it. */
  get cookie(): string | undefined {
    return this.token === undefined
      ? undefined
      : `${this.#cookieName}=${this.token}; Path=/; HttpOnly; SameSite=Strict`;
  }

  /** Why a request is refused, if it is. */
  refusal(method: string, headers: IncomingHttpHeaders, query: URLSearchParams): Refusal | undefined {
    if (this.token === undefined && !this.#isOurName(headers.host)) {
      const port = this.#port;
      const text = `This dashboard answers to http://localhost:${port} and http://127.0.0.1:${port} alone. Open one of these; through a tunnel, use the same port on both ends.`;
      return { status: 403, text };
    }
    if (isForeign(method, headers))
      return {
        status: 403,
        text: 'This dashboard answers to its own page alone. Open its address in a tab of its own.',
      };
    if (this.token === undefined || this.#knowsToken(this.token, headers, query)) return undefined;
    return {
      status: 401,
      text: 'This dashboard needs its token. Open the address that the program has as dashboard.url, which ends with ?token=… and is another one each time.',
    };
  }

  get #cookieName(): string {
    return `taskmap-dashboard-${this.#port}`;
  }

  #isOurName(header: string | undefined): boolean {
    const { name, port } = nameAndPort(header ?? '');
    return port === this.#port && (LOOPBACK_NAMES.has(name) || name === this.#host);
  }

  #knowsToken(token: string, { authorization, cookie }: IncomingHttpHeaders, query: URLSearchParams): boolean {
    const given = [
      query.get('token'),
      /^Bearer (.*)$/i.exec(authorization ?? '')?.[1],
      cookieOf(cookie ?? '', this.#cookieName),
    ];
    return given.some((one) => typeof one === 'string' && isSame(one, token));
  }
}

/** A browser says so of requests of other sites. Whoever says nothing is no browser, or an old one that cannot read our answers from elsewhere anyway. */
function isForeign(
  method: string,
  { origin, host, 'sec-fetch-site': site, 'sec-fetch-mode': mode }: IncomingHttpHeaders,
): boolean {
  // A link to the page may be followed from anywhere.
  const isLink = mode === 'navigate' && (method === 'GET' || method === 'HEAD');
  if (FOREIGN_SITES.includes(site) && !isLink) return true;
  // Before a proxy, it may be https.
  return origin !== undefined && origin.toLowerCase().replace(/^https?:\/\//, '') !== host?.toLowerCase();
}

function nameAndPort(header: string): { readonly name: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[([\da-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(header) ?? [];
  return { name: (bracketed ?? plain ?? '').toLowerCase(), port: port === undefined ? 80 : Number(port) };
}

function cookieOf(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const [key, value] = pair.split('=', 2);
    if (key?.trim() === name) return value?.trim();
  }
  return undefined;
}

/** Takes as long for a token that is nearly right as for any other: hashes are of one length, and say nothing of how near it was. */
function isSame(one: string, other: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
