/** What runs in each process: it answers one request, whose body and answer stay open. Their lines are messages. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { serveAttempts } from 'taskmap-ts/places';

const server = createServer(async (request, answer) => {
  const receive = serveAttempts({
    find: async ([url, name]: [string, string]) => (await import(url))[name],
    send: (message) => new Promise((sent) => answer.write(`${Buffer.from(message).toString('base64')}\n`, sent)),
  });
  answer.flushHeaders();
  for await (const line of createInterface(request)) receive(Buffer.from(line, 'base64'));
});
// The request lasts as long as the run.
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
// Its executor has died.
process.once('disconnect', () => process.exit());
