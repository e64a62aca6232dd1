import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createProxy, request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { AsyncExecutor, DashboardError, InvalidOptionError, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { type Dashboard, type DashboardOptions, serveDashboard } from 'taskmap-ts/dashboard';
import { afterEach, describe, expect, it } from 'vitest';
import { rejection } from '../contract/executor-harness.js';
import { ask, EventReader, post } from '../support/event-reader.js';
import { Gate } from '../support/gate.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const open: Dashboard[] = [];

async function dashboardOf(
  executor: Parameters<typeof serveDashboard>[0] = new AsyncExecutor(),
  options: DashboardOptions = {},
): Promise<Dashboard> {
  const dashboard = await serveDashboard(executor, { port: 0, ...options });
  open.push(dashboard);
  return dashboard;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((dashboard) => dashboard.close()));
});

const graphOfOne = () => new TaskGraphBuilder({ name: 'one' }).task('a', () => 1).build();

describe('a dashboard', () => {
  it('serves the page, its scripts, and what they import', async () => {
    const { url } = await dashboardOf();
    const page = await ask(url);
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(page.text).toMatch(/^<!doctype html>/i);
    for (const name of ['messages', 'apply-changes']) {
      const script = await ask(`${url}${name}.js`);
      expect(script).toMatchObject({ status: 200, headers: { 'content-type': 'text/javascript; charset=utf-8' } });
      expect(script.text).toContain('export');
      expect(script.text).not.toContain('interface');
    }
  });

  it('has all that the page asks for, and that asks for in turn', async () => {
    const { url } = await dashboardOf();
    const { text } = await ask(url);
    const wanted = Array.from(text.matchAll(/<script[^>]* src="?([^" >]+)/g), ([, path]) => new URL(path!, url).href);
    const answers = new Map<string, number>();
    for (const script of wanted) {
      if (answers.has(script)) continue;
      const answer = await ask(script);
      answers.set(new URL(script).pathname, answer.status);
      for (const [, path] of answer.text.matchAll(/from ['"](\.[^'"]+)['"]/g)) {
        const imported = new URL(path!, script).href;
        if (!wanted.includes(imported)) wanted.push(imported);
      }
    }
    expect([...answers.keys()]).toContain('/messages.js');
    expect([...answers].filter(([, status]) => status !== 200)).toEqual([]);
  });

  it('says to the browser that nothing else is to be trusted', async () => {
    const { url } = await dashboardOf();
    const events = new EventReader(url);
    const answers = [
      await ask(url),
      await ask(`${url}messages.js`),
      await ask(`${url}nowhere`),
      await events.connected(),
    ];
    events.close();
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': expect.stringMatching(/^no-store/),
        'referrer-policy': 'no-referrer',
      });
      const policy = headers['content-security-policy']!;
      expect(policy).toContain("default-src 'none'; script-src 'self'; connect-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  it('has proxies pass each event on at once: none may be kept back, or compressed with those behind it', async () => {
    const { url } = await dashboardOf();
    const events = await new EventReader(url).connected();
    events.close();
    const head = await ask(`${url}events`, { method: 'HEAD' });
    for (const { headers } of [events, head]) {
      expect(headers['x-accel-buffering']).toBe('no');
      expect(headers['cache-control']).toBe('no-store, no-transform');
      expect(headers['content-type']).toBe('text/event-stream; charset=utf-8');
    }
  });

  it('may be served by a proxy, below a path of its own', async () => {
    const executor = new AsyncExecutor();
    const { port, url } = await dashboardOf(executor, { host: '0.0.0.0', control: true });
    const proxy = createProxy((asked, answer) => {
      const { method, headers } = asked;
      const path = asked.url!.replace(/^\/runs/, '');
      const passedOn = request({ port, method, headers, path, agent: false }, (response) => {
        answer.writeHead(response.statusCode!, response.headers);
        response.pipe(answer);
      });
      asked.pipe(passedOn);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/runs/`;
    const { headers, text } = await ask(`${base}${new URL(url).search}`);
    const cookie = headers['set-cookie']![0]!.split(';')[0]!;
    const scripts = Array.from(text.matchAll(/(?:src|href)="?([^" >]+\.js)/g), ([, path]) => new URL(path!, base).href);
    expect(scripts.length).toBeGreaterThan(5);
    for (const script of scripts) {
      expect(script.startsWith(base)).toBe(true);
      const { status, text } = await ask(script, { headers: { cookie } });
      expect(status).toBe(200);
      for (const [, path] of text.matchAll(/from ['"](\.[^'"]+)['"]/g))
        expect(scripts).toContain(new URL(path!, script).href);
    }
    const { runId } = await executor.run(graphOfOne());
    const origin = new URL(base).origin;
    expect(await post(`${base}rerun`, { runId }, { cookie, origin })).toMatchObject({ status: 202 });
    proxy.close();
  });

  it('allows the styles that are in the page, and no other', async () => {
    const { url } = await dashboardOf();
    const { text, headers } = await ask(url);
    const count = text.match(/<style>/g)?.length ?? 0;
    expect(String(headers['content-security-policy']).match(/'sha256-[\w+/]+=*'/g) ?? []).toHaveLength(count);
  });

  it('tells of runs from before and during a connection', async () => {
    const executor = new AsyncExecutor();
    const { url } = await dashboardOf(executor);
    const { runId } = await executor.run(graphOfOne());
    const reader = await new EventReader(url).connected();
    expect(reader.runs.map((run) => [run.runId, run.status])).toEqual([[runId, 'finished']]);
    const gate = new Gate();
    const run = executor.run(new TaskGraphBuilder({ name: 'two' }).task('b', gate.pass).build());
    await reader.until(() => reader.runs[1]?.statuses[0] === 2);
    gate.open();
    const report = await run;
    await reader.until(() => reader.run(report.runId)?.status === 'finished');
    reader.close();
  });

  it('hears a run that begins before it listens on its port', async () => {
    const executor = new AsyncExecutor();
    const opening = dashboardOf(executor);
    const { runId } = await executor.run(graphOfOne());
    const { url } = await opening;
    const reader = await new EventReader(url).connected();
    expect(reader.run(runId)?.status).toBe('finished');
    reader.close();
  });

  it('watches several executors, of any kind', async () => {
    const executors = [new AsyncExecutor(), new SyncExecutor()];
    const { url } = await dashboardOf(executors);
    for (const executor of executors) await executor.run(graphOfOne());
    const reader = await new EventReader(url).connected();
    expect(reader.runs).toHaveLength(2);
    expect(reader.control).toBe(false);
    reader.close();
  });

  it('gives whoever connects again a snapshot, whatever it says it had', async () => {
    const executor = new AsyncExecutor();
    const { url } = await dashboardOf(executor);
    const first = await new EventReader(url).connected();
    first.close();
    const { runId } = await executor.run(graphOfOne());
    const again = await new EventReader(url, { headers: { 'last-event-id': first.messages[0]!.id } }).connected();
    expect([again.messages[0]!.event, again.run(runId)?.status]).toEqual(['snapshot', 'finished']);
    again.close();
  });

  it('has twenty watch at once, and a thousand one after the other', async () => {
    const executor = new AsyncExecutor();
    const { url } = await dashboardOf(executor);
    const readers = await Promise.all(Array.from({ length: 20 }, () => new EventReader(url).connected()));
    const { runId } = await executor.run(graphOfOne());
    await Promise.all(readers.map((reader) => reader.until(() => reader.run(runId)?.status === 'finished')));
    for (let round = 0; round < 50; round++) {
      const more = Array.from({ length: 20 }, () => new EventReader(url));
      await Promise.all(more.map((reader) => reader.until(() => reader.status === 200)));
      for (const reader of more) reader.close();
    }
    const report = await executor.run(graphOfOne());
    await Promise.all(readers.map((reader) => reader.until(() => reader.run(report.runId)?.status === 'finished')));
    expect(readers.map((reader) => reader.count('snapshot'))).toEqual(readers.map(() => 1));
    for (const reader of readers) reader.close();
  });
});

describe('a request that is none of the page', () => {
  it.each([
    '/nowhere',
    '//',
    '/../package.json',
    '/page/../../package.json',
    '/page/%2e%2e/serve-dashboard.js',
    '/page/..%2f..%2findex.js',
    '/page/..\\serve-dashboard.js',
    '/page/serve-dashboard.js',
    '/page/',
    '/page/constructor.js',
    '/__proto__',
    '/serve-dashboard.js',
    '/messages.ts',
    '/messages.js/',
    '/messages.js%00',
    `/${'x'.repeat(5000)}`,
  ])('is answered with 404: %j', async (path) => {
    const { port } = await dashboardOf();
    expect(await raw(port, `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 404 /,
    );
  });

  it.each(['http://evil.example/', 'localhost:1', '*', '?'])(
    'is answered with 400 where it is no path: %j',
    async (target) => {
      const { port } = await dashboardOf();
      expect(await raw(port, `GET ${target} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 400 /,
      );
    },
  );

  it.each([
    ['POST', '/', 'GET, HEAD'],
    ['DELETE', '/', 'GET, HEAD'],
    ['PUT', '/events', 'GET, HEAD'],
    ['POST', '/events', 'GET, HEAD'],
    ['OPTIONS', '/events', 'GET, HEAD'],
    ['OPTIONS', '/abort', 'POST'],
    ['GET', '/abort', 'POST'],
    ['HEAD', '/rerun', 'POST'],
    ['PROPFIND', '/messages.js', 'GET, HEAD'],
  ])('is told the methods that there are: %s %s', async (method, path, allow) => {
    const { url } = await dashboardOf();
    expect(await ask(new URL(path, url).href, { method })).toMatchObject({ status: 405, headers: { allow } });
  });

  it('has no body in the answer to HEAD, and opens no stream', async () => {
    const { url, port } = await dashboardOf();
    for (const path of ['/', '/messages.js', '/events'])
      expect(await ask(new URL(path, url).href, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    expect(await raw(port, `HEAD / HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`)).toMatch(
      /content-length: [1-9]/i,
    );
  });

  it('is refused by a name that is not of this machine', async () => {
    const { url } = await dashboardOf();
    for (const path of ['', 'events', 'messages.js', 'nowhere']) {
      expect(await ask(`${url}${path}`, { headers: { host: 'evil.example' } })).toMatchObject({ status: 403 });
    }
    expect((await ask(url, { headers: { host: 'evil.example' } })).text).toContain('http://localhost:');
  });

  it('is refused from another site', async () => {
    const { url } = await dashboardOf();
    const headers = { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' };
    expect(await ask(`${url}events`, { headers })).toMatchObject({ status: 403 });
  });

  it.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['headers without end', `GET / HTTP/1.1\r\nHost: localhost\r\n${'x: y\r\n'.repeat(5000)}\r\n`],
    ['no name', 'GET / HTTP/1.1\r\n\r\n'],
    ['an old version without a name', 'GET / HTTP/1.0\r\n\r\n'],
    ['two lengths', 'POST /abort HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['another protocol', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('does no harm: %s', async (_, text) => {
    const { port, url } = await dashboardOf();
    expect(await raw(port, text)).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    expect((await ask(url)).status).toBe(200);
  });

  it('does no harm where it is cut off', async () => {
    const { port, url } = await dashboardOf(new AsyncExecutor(), { control: true });
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /abort HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"run`,
    );
    await once(socket, 'connect');
    expect((await ask(url)).status).toBe(200);
    socket.destroy();
    expect((await ask(url)).status).toBe(200);
  });
});

describe('on all addresses of the machine', () => {
  it('a token is needed: it is in the address, and then in a cookie that scripts cannot read', async () => {
    const dashboard = await dashboardOf(new AsyncExecutor(), { host: '0.0.0.0' });
    const { origin, searchParams } = new URL(dashboard.url);
    expect(origin).toBe(`http://localhost:${dashboard.port}`);
    expect(searchParams.get('token')).toMatch(/^[\w-]{32,}$/);
    for (const path of ['/', '/events', '/messages.js']) {
      const refused = await ask(origin + path);
      expect(refused).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
      expect(refused.text).toContain('dashboard.url');
      expect(refused.headers).not.toHaveProperty('set-cookie');
    }
    const page = await ask(dashboard.url, { headers: { host: 'any.example' } });
    expect(page.status).toBe(200);
    const [cookie] = page.headers['set-cookie']!;
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    const headers = { cookie: cookie!.split(';')[0]! };
    const reader = await new EventReader(origin, { headers }).connected();
    expect(reader.runs).toEqual([]);
    reader.close();
    expect(await ask(origin, { headers: { cookie: 'taskmap-dashboard=x' } })).toMatchObject({ status: 401 });
  });
});

describe('serveDashboard', () => {
  it.each<[string, unknown]>([
    ['port', -1],
    ['port', 65_536],
    ['port', 1.5],
    ['port', '80'],
    ['host', ''],
    ['host', 127],
    ['control', 'yes'],
    ['unref', 1],
    ['runsMax', 0],
    ['workers', 0],
    ['group', 'name'],
  ])('refuses %s: %j', async (option, value) => {
    const executor = new AsyncExecutor();
    const error = await rejection(serveDashboard(executor, { [option]: value }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ option, value });
    expect(executor.listening).toBe(0);
  });

  it.each([undefined, null, {}, [{}], 'executor'])('refuses what cannot be listened to: %j', async (nobody) => {
    expect(await rejection(serveDashboard(nobody as never))).toMatchObject({
      code: 'invalid-option',
      option: 'executors',
    });
  });

  it('says what is wrong with a port that is in use, and what to do; then nothing listens to the executor', async () => {
    const { port } = await dashboardOf();
    const executor = new AsyncExecutor();
    const error = await rejection(serveDashboard(executor, { port, control: true }));
    expect(error).toBeInstanceOf(DashboardError);
    expect(error).toMatchObject({ code: 'dashboard', port, host: '127.0.0.1', reason: 'EADDRINUSE' });
    expect((error as Error).message).toBe(
      `The dashboard cannot listen on port ${port} of 127.0.0.1 (EADDRINUSE). Something else uses it, another dashboard perhaps: end that, give another port, or give 0 for any that is free.`,
    );
    expect(executor.listening).toBe(0);
  });

  it('says what is wrong with a host that is not of this machine', async () => {
    // Addresses that are for documentation alone (RFC 5737).
    const error = await rejection(serveDashboard(new AsyncExecutor(), { port: 0, host: '192.0.2.1' }));
    expect(error).toMatchObject({ reason: 'EADDRNOTAVAIL', message: expect.stringContaining('"192.0.2.1"') });
  });

  it('takes any port that is free where it was told none and its own is in use', async () => {
    const taken = createServer().listen(7878, '127.0.0.1');
    await Promise.race([once(taken, 'listening'), once(taken, 'error')]);
    const [first, second] = [await serveDashboard(new AsyncExecutor()), await serveDashboard(new AsyncExecutor())];
    open.push(first, second);
    expect(new Set([7878, first.port, second.port]).size).toBe(3);
    expect(first.url).toBe(`http://127.0.0.1:${first.port}/`);
    taken.close();
  });
});

describe('close', () => {
  it('tells the last changes, ends all connections, and listens to nothing any more, however often it is called', async () => {
    const executor = new AsyncExecutor();
    const dashboard = await dashboardOf(executor, { control: true });
    const readers = await Promise.all(Array.from({ length: 5 }, () => new EventReader(dashboard.url).connected()));
    const { runId } = await executor.run(graphOfOne());
    const closing = dashboard.close();
    expect(executor.listening).toBe(0);
    expect(dashboard.close()).toBe(closing);
    await closing;
    await Promise.all(readers.map((reader) => reader.untilEnded()));
    for (const reader of readers) expect(reader.run(runId)?.status).toBe('finished');
    expect(await rejection(ask(dashboard.url))).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('in the middle of a run leaves the run alone', async () => {
    const executor = new AsyncExecutor();
    const gate = new Gate();
    const { url, close } = bound(await dashboardOf(executor));
    const reader = await new EventReader(url).connected();
    const run = executor.run(new TaskGraphBuilder().task('a', gate.pass).build());
    await gate.started;
    await close();
    await reader.untilEnded();
    gate.open();
    expect((await run).status).toBe('finished');
  });

  it('waits for nobody who does not read, and for no connection that asks nothing', async () => {
    const executor = new AsyncExecutor();
    const dashboard = await dashboardOf(executor);
    const reader = await new EventReader(dashboard.url).connected();
    reader.pause();
    const builder = new TaskGraphBuilder<any>();
    // Some megabytes, more than the system takes for whoever does not read.
    for (let index = 0; index < 4000; index++) builder.add({ name: `${'x'.repeat(3000)} ${index}`, run: () => 1 });
    await executor.run(builder.build());
    const silent = connect(dashboard.port, '127.0.0.1');
    await once(silent, 'connect');
    const silentEnds = once(silent, 'close');
    await dashboard.close();
    await silentEnds;
    reader.close();
  });

  it('happens at the end of an `await using` block', async () => {
    const executor = new AsyncExecutor();
    let url: string;
    {
      await using dashboard = await serveDashboard(executor, { port: 0 });
      url = dashboard.url;
    }
    expect(executor.listening).toBe(0);
    expect(await rejection(ask(url))).toMatchObject({ code: 'ECONNREFUSED' });
  });

  const program = (options: string, end: string) => `
    import { get } from 'node:http';
    import { AsyncExecutor, TaskGraphBuilder } from './src/index.ts';
    import { serveDashboard } from './src/dashboard/serve-dashboard.ts';
    const executor = new AsyncExecutor();
    const dashboard = await serveDashboard(executor, ${options});
    await new Promise((resolve) => get(dashboard.url + 'events', (response) => { response.on('error', () => {}); response.once('data', resolve); response.socket.unref(); }));
    await executor.run(new TaskGraphBuilder().task('a', () => 1).build());
    ${end}
    console.log('end of the program');
  `;
  const ended = (text: string, timeout: number) =>
    spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', text], {
      cwd: ROOT,
      encoding: 'utf8',
      timeout,
    });

  it.each([
    ['after it', program('{ port: 0 }', 'await dashboard.close();')],
    ['with `unref`, also before', program('{ port: 0, unref: true }', '')],
  ])('lets the process end: %s', (_, text) => {
    expect(ended(text, 30_000)).toMatchObject({ status: 0, stdout: 'end of the program\n', stderr: '' });
  });

  it.each([
    ['is what an open dashboard waits for: until then the page can be looked at', '{ port: 0 }', 'true'],
    ['is not waited for with `unref`', '{ port: 0, unref: true }', 'false'],
  ])('%s', (_, options, waits) => {
    const text = program(
      options,
      "console.log(process.getActiveResourcesInfo().includes('TCPServerWrap')); process.exitCode = 7; setImmediate(() => process.exit());",
    );
    expect(ended(text, 30_000)).toMatchObject({ status: 7, stdout: `${waits}\nend of the program\n`, stderr: '' });
  });
});

function bound(dashboard: Dashboard): { url: string; close: () => Promise<void> } {
  return { url: dashboard.url, close: () => dashboard.close() };
}

/** Sends these very characters, and reads until the other side ends. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.setEncoding('utf8');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(text);
  socket.end();
  await once(socket, 'close');
  return answer;
}
