import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Access, isLoopback } from '../../src/dashboard/access.js';

const NO_QUERY = new URLSearchParams();

describe('on a loopback address', () => {
  const access = new Access('127.0.0.1', 7878);
  const refusal = (headers: IncomingHttpHeaders, method = 'GET') => access.refusal(method, headers, NO_QUERY)?.status;

  it.each(['localhost:7878', '127.0.0.1:7878', '[::1]:7878', 'LocalHost:7878'])('answers to the name %s', (host) => {
    expect(refusal({ host })).toBeUndefined();
  });

  it.each([
    undefined,
    '',
    'evil.example',
    'evil.example:7878',
    'localhost',
    'localhost:80',
    'localhost:7879',
    'localhost:07878x',
    'localhost.evil.example:7878',
    '127.0.0.1.evil.example:7878',
    '127.0.0.1@evil.example:7878',
    'evil.example:7878#localhost:7878',
    '127.0.0.2:7878',
    '0.0.0.0:7878',
    'localhost:7878, evil.example',
    '[::1:7878',
    '::1:7878',
    'l\u00f6calhost:7878',
  ])('refuses the name %j', (host) => {
    const refused = access.refusal('GET', host === undefined ? {} : { host }, NO_QUERY);
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('Open one of these') });
  });

  it('answers to the very address, and to names without a port on port 80', () => {
    expect(new Access('127.0.0.5', 7878).refusal('GET', { host: '127.0.0.5:7878' }, NO_QUERY)).toBeUndefined();
    expect(new Access('localhost', 80).refusal('GET', { host: 'localhost' }, NO_QUERY)).toBeUndefined();
  });

  const host = 'localhost:7878';
  it.each<[string, IncomingHttpHeaders]>([
    ['another site', { origin: 'http://evil.example' }],
    ['another port', { origin: 'http://localhost:7879' }],
    ['a name that begins alike', { origin: 'http://localhost:7878.evil.example' }],
    ['nowhere', { origin: 'null' }],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['another port, as the browser says', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
  ])('refuses requests from %s', (_, headers) => {
    for (const method of ['GET', 'POST']) expect(refusal({ host, ...headers }, method)).toBe(403);
  });

  it('takes requests of its own page, of a user, and of programs', () => {
    expect(refusal({ host, origin: 'http://localhost:7878', 'sec-fetch-site': 'same-origin' }, 'POST')).toBeUndefined();
    expect(refusal({ host, 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' })).toBeUndefined();
    expect(refusal({ host }, 'POST')).toBeUndefined();
  });

  it('lets links from anywhere lead to it, and no form', () => {
    const link = { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect(refusal(link)).toBeUndefined();
    expect(refusal(link, 'POST')).toBe(403);
  });

  it('has no token', () => {
    expect([access.token, access.cookie]).toEqual([undefined, undefined]);
  });
});

describe('on any other address', () => {
  const access = new Access('0.0.0.0', 7878);
  const token = access.token!;
  const refusal = (headers: IncomingHttpHeaders, query = '') =>
    access.refusal('GET', { host: 'any.example:1', ...headers }, new URLSearchParams(query));

  it('has a token of its own that nobody guesses', () => {
    expect(token).toMatch(/^[\w-]{32,}$/);
    expect(new Access('0.0.0.0', 7878).token).not.toBe(token);
  });

  it('takes it from the address, the cookie, or the header for it', () => {
    expect(refusal({}, `token=${token}`)).toBeUndefined();
    const [pair] = access.cookie!.split(';');
    expect(refusal({ cookie: `other=1; ${pair}; more=2` })).toBeUndefined();
    expect(refusal({ authorization: `Bearer ${token}` })).toBeUndefined();
    expect(access.cookie).toBe(`taskmap-dashboard-7878=${token}; Path=/; HttpOnly; SameSite=Strict`);
  });

  it.each<[string, IncomingHttpHeaders, string]>([
    ['none', {}, ''],
    ['an empty one', {}, 'token='],
    ['one that is too short', {}, `token=${token.slice(1)}`],
    ['one that is too long', {}, `token=${token}x`],
    ['one of the same length', {}, `token=${'x'.repeat(token.length)}`],
    ['two', {}, `token=x&token=${token}`],
    ['one in a cookie of another name', { cookie: `taskmap-dashboard-78780=${token}` }, ''],
    ['a wrong one in the cookie', { cookie: 'taskmap-dashboard-7878=x; taskmap-dashboard-7878' }, ''],
    ['one of another kind', { authorization: `Basic ${token}` }, ''],
  ])('refuses %s', (_, headers, query) => {
    expect(refusal(headers, query)).toMatchObject({ status: 401, text: expect.stringContaining('dashboard.url') });
  });

  it('refuses requests of other sites, token or not', () => {
    expect(refusal({ origin: 'http://evil.example' }, `token=${token}`)).toMatchObject({ status: 403 });
  });
});

describe('isLoopback', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['::1', true],
    ['localhost', true],
    ['LOCALHOST', true],
    ['0.0.0.0', false],
    ['::', false],
    ['192.168.0.1', false],
    ['127.0.0.1.example', false],
    ['localhost.example', false],
    ['1127.0.0.1', false],
  ])('%s: %s', (host, is) => {
    expect(isLoopback(host)).toBe(is);
  });
});
