import vm from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import type { FunctionMaking } from '../../src/workers/function-of-text.js';
import { type FunctionSource, functionSources, isRefusal, type Refusal } from '../../src/workers/function-source.js';

/** A function of just this text: what transpilers make of the functions in this file is not what is to be told apart. */
function made(text: string, scope: Readonly<Record<string, unknown>> = {}): (...args: unknown[]) => unknown {
  return new Function(...Object.keys(scope), `return ${text}`)(...Object.values(scope)) as (
    ...args: unknown[]
  ) => unknown;
}

function judged(fn: Function): FunctionSource | Refusal {
  return functionSources([fn]).get(fn)!;
}

function making(source: FunctionSource): FunctionMaking {
  return JSON.parse(source.more) as FunctionMaking;
}

/** The function that a thread would make of it. */
function sent(fn: Function, supplied: Readonly<Record<string, unknown>> = {}): (...args: unknown[]) => unknown {
  const source = judged(fn);
  if (isRefusal(source)) throw new Error(`Refused: it ${source.why}.`);
  expect(making(source).helpers).toEqual(Object.keys(supplied));
  return made(source.text, supplied);
}

function refusal(fn: Function): Refusal {
  const source = judged(fn);
  if (!isRefusal(source)) throw new Error(`Not refused: ${source.text}`);
  return source;
}

describe('functionSources()', () => {
  it.each([
    ['an arrow function', '(a) => a + 1'],
    ['an arrow function without parentheses', 'a => a + 1'],
    ['a function expression', 'function (a) { return a + 1; }'],
    ['a named function that calls itself', 'function count(a) { return a === 2 ? 3 : count(a + 1); }'],
    ['a function with default parameters', '(a, b = 1, c = a + b) => c'],
    ['a function that destructures', '(a, { b = 1, ...rest } = {}, [c] = [a + b]) => c'],
    ['a function with rest parameters', '(...all) => all[0] + 1'],
    ['a function that uses arguments', 'function () { return arguments[0] + 1; }'],
    ['a method', '({ add(a) { return a + 1; } }).add'],
    ['a method with a quoted name', "({ 'add one'(a) { return a + 1; } })['add one']"],
    ['a method with a numeric name', '({ 1(a) { return a + 1; } })[1]'],
    ['a method named by a symbol', '({ [Symbol.search](a) { return a + 1; } })[Symbol.search]'],
    ['a method that is called get', '({ get(a) { return a + 1; } }).get'],
    ['a method that is called async', '({ async(a) { return a + 1; } }).async'],
    ['a method of a class', '(class { add(a) { return a + 1; } }).prototype.add'],
    ['a static method', '(class { static add(a) { return a + 1; } }).add'],
    ['a function with a nested named one', '(a) => { function inner(b) { return b + 1; } return inner(a); }'],
    [
      'a function with a class inside',
      '(a) => { class Inner { #one = 1; sum(b) { return b + this.#one; } } return new Inner().sum(a); }',
    ],
    ['a function with a comment in front of its body', '(a /* b */) => /* config */ a + 1 // config'],
    [
      'a function whose strings and keys look like names',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: text that a function is made of.
      "(a) => ({ config: a, other: 'config ${config}' }).config + 1",
    ],
    ['a function with labels and loops', '(a) => { outer: for (;;) { a++; break outer; } return a; }'],
    [
      'a function that Node supplies with globals',
      '(a) => Buffer.from([a]).readUInt8(0) + new URL("http://x/?1").search.length - 1',
    ],
    ['a function of text', "new Function('a', 'return a + 1')"],
    [
      'a function that writes of eval() and never calls it',
      "(a) => /* no eval(a) */ ({ text: 'eval(a)', medieval: (b) => b + 1 }).medieval(a)",
    ],
    ['a method that is called class$', '({ class$(a) { return a + 1; } }).class$'],
    ['a method that is called class', '({ class(a) { return a + 1; } }).class'],
  ])('sends %s', (_, text) => {
    expect(sent(made(text))(2)).toBe(3);
  });

  it.each([
    ['an async arrow function', 'async (a) => a + 1'],
    ['an async function', 'async function (a) { return await a + 1; }'],
    ['an async method', '({ async add(a) { return a + 1; } }).add'],
    ['an async method with a quoted name', "({ async 'add one'(a) { return a + 1; } })['add one']"],
  ])('sends %s', async (_, text) => {
    expect(await sent(made(text))(2)).toBe(3);
  });

  it.each([
    ['a generator function', 'function* (a) { yield a + 1; }'],
    ['a generator method', '({ *add(a) { yield a + 1; } }).add'],
    ['an async generator function', 'async function* (a) { yield a + 1; }'],
    ['an async generator method', '({ async *add(a) { yield a + 1; } }).add'],
  ])('sends %s', async (_, text) => {
    const generator = sent(made(text))(2) as AsyncGenerator;
    expect((await generator.next()).value).toBe(3);
  });

  it('sends a function that imports a package or an absolute address', () => {
    for (const module of ['node:path', 'file:///x.js'])
      expect(isRefusal(judged(made(`async () => (await import('${module}')).sep`)))).toBe(false);
  });

  it('asks the thread for what tools write into functions', () => {
    const named = made("(a) => { const inner = __name((b) => b + 1, 'inner'); return inner(a); }", {
      __name: (fn: unknown) => fn,
    });
    expect(sent(named, { __name: (fn: unknown) => fn })(2)).toBe(3);
    const counters = { s: [0, 0] };
    const counted = made('(a) => { cov_2x8f().s[0]++; return a + 1; }', { cov_2x8f: () => counters });
    expect(sent(counted, { cov_2x8f: () => counters })(2)).toBe(3);
    expect(counters.s[0]).toBe(1);
    const importing = made("() => __vite_ssr_dynamic_import__('node:path')", { __vite_ssr_dynamic_import__: () => 3 });
    expect(sent(importing, { __vite_ssr_dynamic_import__: () => 3 })()).toBe(3);
  });

  it.each([
    ['a constant', '(a) => a + config', { config: 1 }, ['config']],
    ['a function', '(a) => helper(a)', { helper: Math.max }, ['helper']],
    ['several', '(a) => helper(a) + config.one', { helper: Math.max, config: {} }, ['helper', 'config']],
    ['one in a default parameter', '(a, b = config) => a + b', { config: 1 }, ['config']],
    ['one in a nested function', '() => () => () => config', { config: 1 }, ['config']],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: text that a function is made of.
    ['one in a template', '() => `${config}`', { config: 1 }, ['config']],
    ['one that is assigned to', '() => { count++; }', { count: 1 }, ['count']],
    [
      'one that hides a global of that name only in an inner scope',
      '() => { { const config = 1; config; } return config; }',
      { config: 1 },
      ['config'],
    ],
    ['one that is nowhere at all', '() => typeof nowhere', {}, ['nowhere']],
    ['one of unusual letters', '() => größe + $one', { größe: 1, $one: 2 }, ['größe', '$one']],
  ])('refuses a function that closes over %s, and names it', (_, text, scope, names) => {
    const { why, todo } = refusal(made(text, scope));
    expect(why).toMatch(/^uses ".*" from the scope around it, which a worker thread cannot see$/);
    expect([...why.matchAll(/"(.+?)"/g)].map((match) => match[1]).sort()).toEqual([...names].sort());
    expect(todo).toBe(
      `Import or define ${names.length === 1 ? 'it' : 'them'} inside the function, ` +
        'export the function from a module and use taskModule(), or keep the task on the main thread with .onMainThread().',
    );
  });

  it.each([
    ['a class', '() => new URL("a:b").host', { URL: class {} }, ['URL']],
    ['a function', 'async () => (await fetch("a:b")).text()', { fetch: () => 1 }, ['fetch']],
    [
      'several',
      '() => structuredClone(process.env)',
      { structuredClone: () => 1, process: {} },
      ['structuredClone', 'process'],
    ],
    ['one that the language brings', '() => new Map()', { Map: class {} }, ['Map']],
    ['one among globals that are used', '() => JSON.stringify(crypto) + Math.max(1)', { crypto: {} }, ['crypto']],
  ])('refuses a function that closes over %s called like a global', (_, text, scope, names) => {
    expect(refusal(made(text, scope)).why).toBe(
      `uses ${names.map((name) => `"${name}"`).join(', ')} from the scope around it, which a worker thread cannot see`,
    );
  });

  it('refuses a function of this very file that closes over a constant called like a global', () => {
    const crypto = { randomUUID: () => '1' };
    expect(refusal(() => crypto.randomUUID()).why).toBe(
      'uses "crypto" from the scope around it, which a worker thread cannot see',
    );
  });

  it('sends a function that only writes of what is called like a global around it, or has one of its own', () => {
    const scope = { URL: class {}, fetch: () => 1 };
    for (const text of [
      "(URL) => ({ fetch: 'fetch()', URL }).URL + 1",
      '(a) => { const fetch = (b) => b + 1; return fetch(a); }',
    ])
      expect(sent(made(text, scope))(2)).toBe(3);
  });

  it('tells a function that takes a global from one beside it that does not', () => {
    const [own, global] = made('() => [() => URL, ((URL) => () => URL)(1)]')() as [Function, Function];
    const found = functionSources([global, own]);
    expect([own, global].map((fn) => isRefusal(found.get(fn)!))).toEqual([false, true]);
  });

  it('refuses a function that closes over a constant of a script, as programs that are given by -e have them', () => {
    vm.runInThisContext('const navigator = { isMine: true }; globalThis.taskmapSpec = () => navigator.isMine;');
    const { taskmapSpec } = globalThis as { taskmapSpec?: Function };
    delete (globalThis as { taskmapSpec?: Function }).taskmapSpec;
    expect(refusal(taskmapSpec!).why).toMatch(/^uses "navigator" from the scope around it/);
  });

  it('refuses an arrow function that uses the arguments of the function around it', () => {
    const fn = made('function () { return () => arguments[0]; }')(1) as Function;
    expect(refusal(fn).why).toBe('uses the arguments of the function around it, which a worker thread cannot see');
    expect(sent(made('function () { return (() => arguments[0] + 1)(); }'))(2)).toBe(3);
  });

  it('refuses a function of this very file that closes over a constant', () => {
    const limit = Number('3');
    expect(refusal(() => limit).why).toBe('uses "limit" from the scope around it, which a worker thread cannot see');
  });

  it.each(['__vi_import_0__', '__vite_ssr_import_12__', 'node_path_js_1', 'import_node_path'])(
    'refuses a function that uses an import, which is called %s',
    (name) => {
      const { why, todo } = refusal(made(`(a) => (0, ${name}.join)(a)`, { [name]: {} }));
      expect(why).toBe('uses something that its file imports, which a worker thread cannot see');
      expect(todo).toMatch(
        /^Import it inside the function with await import\(…\), export it from a module and use taskModule\(\)/,
      );
    },
  );

  it('refuses a function of this very file that uses an import', () => {
    expect(refusal(() => functionSources([])).why).toBe(
      'uses something that its file imports, which a worker thread cannot see',
    );
  });

  it.each([
    ['bound', '((a) => a).bind(null)'],
    ['native', 'Math.max'],
    ['a proxy', 'new Proxy(() => 1, {})'],
  ])('refuses a function that is %s', (_, text) => {
    expect(refusal(made(text)).why).toBe('is native or bound, so that its text is not available');
  });

  it.each([
    ['a class', 'class Config { constructor() { this.a = 1; } }', 'is a class'],
    [
      'a getter',
      "Object.getOwnPropertyDescriptor({ get a() { return 1; } }, 'a').get",
      'uses private members or is an accessor, which only its own class can',
    ],
    [
      'a private member',
      '(class { #a = 1; read() { return this.#a; } }).prototype.read',
      'uses private members or is an accessor, which only its own class can',
    ],
    ['super', '({ a() { return super.toString(); } }).a', 'uses super, which only its own class can'],
    [
      'a relative import',
      "async () => import('./config.js')",
      'imports by a relative path, which means another file in a worker thread',
    ],
    [
      'an import from the folder above',
      'async () => import(`../config.js`)',
      'imports by a relative path, which means another file in a worker thread',
    ],
    ['direct eval', "(a) => eval('a + 1')", 'calls eval, so that no one can tell which names it uses'],
    ['indirect eval', "(a) => (0, eval)('config')", 'calls eval, so that no one can tell which names it uses'],
    [
      'a compiler helper',
      '(a) => __awaiter(void 0, void 0, void 0, function* () { return a; })',
      'uses the compiler helper __awaiter',
    ],
  ])('refuses %s', (_, text, why) => {
    const refused = refusal(made(text, text.includes('__awaiter') ? { __awaiter: () => 1 } : {}));
    expect(refused.why).toBe(why);
    expect(refused.todo).toMatch(/taskModule\(\)/);
  });

  it.each([
    // TypeScript, SWC and Babel, esbuild, Rollup; the last of each two where interop is off.
    [
      "async () => { const os = await Promise.resolve().then(() => __importStar(require('os'))); return os.EOL; }",
      '__importStar',
    ],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: text that a function is made of.
    ['(name) => Promise.resolve(`${name}`).then(s => __importStar(require(s)))', '__importStar'],
    ["() => Promise.resolve().then(function () { return require('os'); })", 'require()'],
    ["() => Promise.resolve().then(() => require('os'))", 'require()'],
    ["() => Promise.resolve().then(() => _interop_require_wildcard(require('os')))", '_interop_require_wildcard'],
    ["() => Promise.resolve().then(() => _interopRequireWildcard(require('os')))", '_interopRequireWildcard'],
    ['() => Promise.resolve().then(() => __toESM(require("os")))', '__toESM'],
    ["() => __vitePreload(() => import('os'), [])", '__vitePreload'],
  ])('says of %s that a compiler did it', (text, helper) => {
    const { why, todo } = refusal(made(text));
    expect(why).toBe(`has an import() that a compiler has made into ${helper}`);
    expect(todo).toMatch(/^Have the compiler keep import\(\): "module": "NodeNext" .* taskModule\(\)/);
  });

  it.each([
    '__generator',
    '__spreadValues',
    '__privateGet',
    '__classPrivateFieldGet',
    '__callDispose',
    'tslib_1',
    '_async_to_generator',
    '_asyncToGenerator',
    '_asyncToGenerator2',
    '_toConsumableArray',
    '_object_spread',
    'regeneratorRuntime',
  ])('says of %s that a compiler did it', (helper) => {
    const { why, todo } = refusal(made(`() => ${helper}(1)`));
    expect(why).toBe(`uses the compiler helper ${helper}`);
    expect(todo).toMatch(/^Compile for ES2022 or later, by the `target` of the compiler, export the function/);
  });

  it('blames no compiler for require() that somebody wrote', () => {
    expect(refusal(made("() => require('os').EOL")).why).toMatch(/^uses "require" from the scope around it/);
  });

  it('refuses import.meta', () => {
    // The text alone counts: a function that has it can be made in a module only.
    const fn = Object.assign(() => import.meta.url, {});
    expect(refusal(fn).why).toBe('uses import.meta, which is another one in a worker thread');
  });

  it('refuses a method whose name is computed from what is around it', () => {
    const names = { first: 'add' };
    expect(refusal(made('({ [names.first](a) { return a + 1; } }).add', { names })).why).toBe(
      'is a method with a computed name',
    );
  });

  it('judges many at once, each by itself', () => {
    const good = made('(config) => config');
    const bad = made('() => config', { config: 1 });
    const alsoGood = made('({ config() { return 1; } }).config');
    const native = made('Math.max');
    const found = functionSources([good, bad, alsoGood, native, good]);
    expect([...found.keys()]).toHaveLength(4);
    expect([good, bad, alsoGood, native].map((fn) => isRefusal(found.get(fn)!))).toEqual([false, true, false, true]);
  });

  it('knows strict functions from sloppy ones', () => {
    const isStrict = (fn: unknown) => making(judged(fn as Function) as FunctionSource).strict;
    expect(isStrict(() => 1)).toBe(true);
    expect(isStrict(function named() {})).toBe(true);
    expect(isStrict(made('function () { "use strict"; }'))).toBe(true);
    expect(isStrict(made('function () { return 1; }'))).toBe(false);
    expect(isStrict(made('() => { with ({}) return 1; }'))).toBe(false);
  });

  it('runs a strict function as one', () => {
    const frozen = sent(made('function () { "use strict"; return this; }'));
    expect(frozen()).toBeUndefined();
  });

  it('works where modules are loaded into a context of their own', () => {
    const context = vm.createContext({});
    const own = vm.runInContext('(a) => [a, 1].length', context) as Function;
    const closing = vm.runInContext('((Map) => () => Map)(1)', context) as Function;
    expect(isRefusal(judged(own))).toBe(false);
    expect(refusal(closing).why).toMatch(/^uses "Map" from the scope around it/);
  });

  it('asks Node only once which files there are, for as many functions as there are', () => {
    const { Session } = process.getBuiltinModule('node:inspector');
    const post = vi.spyOn(Session.prototype, 'post');
    try {
      functionSources(Array.from({ length: 1200 }, () => made('(a) => new URL(a)')));
      const asked = (method: string) => post.mock.calls.filter(([name]) => (name as string) === method).length;
      expect(asked('Debugger.enable')).toBe(1);
      // For each function where it is; what is around it for hundreds at once.
      expect(asked('Runtime.callFunctionOn')).toBeLessThan(10);
    } finally {
      post.mockRestore();
    }
  });

  it.each([
    [
      'the permission model',
      Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' }),
      'which the permission model of Node.js (--permission) keeps from this process',
    ],
    ['anything else', new Error('no more sessions'), 'which failed: no more sessions'],
  ])('says so where %s keeps the inspector away', (_, error, why) => {
    const getBuiltinModule = vi.spyOn(process, 'getBuiltinModule').mockImplementation(() => {
      throw error;
    });
    try {
      const refused = refusal(made('() => 1'));
      expect(refused.why).toBe(`cannot be sent as text: which names it uses is asked of the inspector, ${why}`);
      expect(refused.todo).toMatch(/xport it from a module and use taskModule\(\)/);
    } finally {
      getBuiltinModule.mockRestore();
    }
  });

  it('leaves nothing behind', () => {
    const before = Reflect.ownKeys(globalThis);
    judged(made('() => config', { config: 1 }));
    expect(Reflect.ownKeys(globalThis)).toEqual(before);
  });
});
