/** What runs in each process: it answers one request, whose body and answer stay open. Each of their lines is news. */

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { InvalidOptionError, type TaskContext } from 'taskmap-ts';
import { decodeValue, encodeThrown, encodeValue, type UncarriableError } from 'taskmap-ts/codec';
import { WrittenFiles } from 'taskmap-ts/places';

/** A function to call, or a call to abort. What has any type is bytes of the codec, as base64. */
export type Order = { readonly id: number } & ({ readonly abort: string } | Call);
type Call = { readonly url: string; readonly name: string; readonly args: string; readonly about: About | undefined };
type About = Omit<TaskContext, 'signal' | 'progress' | 'file'>;
export type News = readonly [id: number, kind: Kind, value: string, tookMs: number];
type Kind = 'began' | 'progressed' | 'returned' | 'threw' | 'unsendable';

const controllers = new Map<number, AbortController>();

async function call(id: number, { url, name, args, about }: Call, answer: ServerResponse): Promise<void> {
  const startedAtMs = performance.now();
  const tell = (kind: Kind, value: Uint8Array) => {
    const news: News = [id, kind, Buffer.from(value).toString('base64'), performance.now() - startedAtMs];
    return new Promise<unknown>((sent) => answer.write(`${JSON.stringify(news)}\n`, sent));
  };
  const { signal } = controllers.set(id, new AbortController()).get(id)!;
  const progress = (fraction: number, note?: string) => {
    const isNumber = typeof fraction === 'number' && !Number.isNaN(fraction);
    if (!isNumber) throw new InvalidOptionError('fraction', 'a number from 0 to 1', fraction, about?.task);
    // Not once it has ended: the next attempt may be under way.
    if (controllers.get(id)?.signal === signal)
      void tell('progressed', encodeValue([Math.min(Math.max(fraction, 0), 1), note]));
  };
  const written = new WrittenFiles(about?.task ?? name);
  const file = (path: string | URL) => written.beside(path);
  let hasReturned = false;
  try {
    // Sent before the function can keep this thread busy: only what has begun times out.
    await tell('began', encodeValue(undefined));
    const { [name]: fn } = await import(url);
    const passed = decodeValue(Buffer.from(args, 'base64')) as unknown[];
    const result = await fn(...(about === undefined ? passed : [{ ...about, signal, progress, file }, ...passed]));
    if (!signal.aborted) written.keep();
    hasReturned = true;
    void tell('returned', encodeValue(result, 'result'));
  } catch (error) {
    if (hasReturned) void tell('unsendable', encodeValue((error as UncarriableError).part ?? String(error)));
    else void tell('threw', encodeThrown(error));
  }
  written.discard();
  controllers.delete(id);
}

const server = createServer(async (request, answer) => {
  for await (const line of createInterface(request)) {
    const order = JSON.parse(line) as Order;
    if ('abort' in order) controllers.get(order.id)?.abort(decodeValue(Buffer.from(order.abort, 'base64')));
    else void call(order.id, order, answer);
  }
});
// The request lasts as long as the run.
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
// Its executor has died.
process.once('disconnect', () => process.exit());
