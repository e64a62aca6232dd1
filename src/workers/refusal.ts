/** Why a function cannot be sent as text, as the second half of a sentence that begins with the task. */
export interface Refusal {
  readonly why: string;
  readonly todo: string;
}

const MODULE_OR_MAIN = 'from a module and use taskModule(), or keep the task on the main thread with .onMainThread().';
export const EXPORT_IT: string = `Export it ${MODULE_OR_MAIN}`;
/** The same, as a second choice. */
export const OR_EXPORT_IT: string = `or export it ${MODULE_OR_MAIN}`;
const EXPORT_FUNCTION = `export the function ${MODULE_OR_MAIN}`;

// What compilers write in the place of what somebody wrote: TypeScript, esbuild, Babel, SWC, bundlers.
/** For `import()`, where they make CommonJS. */
const IMPORT_HELPER =
  /^(__importStar|__importDefault|__toESM|__require|__webpack_require__|__vitePreload|_interop\w+)$/;
const IMPORT_AS_REQUIRE = /\.then\(\s*(function\s*\(\w*\)\s*\{\s*return\b|\(?\w*\)?\s*=>)[^;]*\brequire\(/;
/** For syntax that their target does not have. */
const SYNTAX_HELPER = new RegExp(
  `^(tslib(_\\d+)?|regeneratorRuntime|__(${[
    'async|awaiter|generator|await|asyncGenerator|asyncValues|asyncDelegator|forAwait|yieldStar',
    'spreadArrays?|spread|read|values|rest|assign|extends|spreadValues|spreadProps|objRest|pow',
    'makeTemplateObject|template',
    'classPrivateField(Get|Set|In)|private(Get|Set|Add|Method|In|Wrapper)|publicField|superGet|superSet',
    'decorate|esDecorate|runInitializers|propKey|setFunctionName|metadata|param',
    'using|callDispose|addDisposableResource|disposeResources',
  ].join('|')})|_(${[
    'async_?to_?generator|wrap_?async_?generator|await_?async_?generator|async_?generator_?delegate|async_?iterator',
    'regenerator\\w*|ts_\\w+|skip_?first_?generator_?next|create_?for_?of_?iterator_?helper(_?loose)?',
    'to_?consumable_?array|sliced_?to_?array|to_?array|array_?like_?to_?array|extends|object_?spread\\w*',
    'object_?without_?properties\\w*|object_?destructuring_?empty|define_?property|to_?property_?key|type_?of',
    'class_?call_?check|create_?class|create_?super|call_?super|inherits(_?loose)?|possible_?constructor_?return',
    'wrap_?native_?super|class_?private_?\\w+|assert_?class_?brand|tagged_?template_?literal(_?loose)?|using_?ctx',
  ].join('|')})\\d*)$`,
  'i',
);
/** For what a file imports at its head. */
const IMPORT_BINDING =
  /^(__vite_ssr_import_\d+__|__vi_import_\d+__|\w+_js_\d+|import_\w+|\w+__WEBPACK_(IMPORTED|EXTERNAL)_MODULE_\d+_*)$/;

/**
 * Why a function cannot go without some names, and whose doing that is: its author's, or that of a compiler.
 *
 * @param foreign - names that a thread does not have; at least one
 */
export function foreignNames(foreign: readonly string[], text: string): Refusal {
  // A direct call of it makes the engine keep every name there is.
  if (foreign.includes('eval'))
    return { why: 'calls eval, so that no one can tell which names it uses', todo: EXPORT_IT };
  if (foreign.includes('arguments'))
    return {
      why: 'uses the arguments of the function around it, which a worker thread cannot see',
      todo: `Give it parameters of its own, ${OR_EXPORT_IT}`,
    };
  const importHelper = foreign.find((name) => IMPORT_HELPER.test(name));
  if (importHelper !== undefined || (foreign.includes('require') && IMPORT_AS_REQUIRE.test(text)))
    return {
      why: `has an import() that a compiler has made into ${importHelper ?? 'require()'}`,
      todo:
        'Have the compiler keep import(): "module": "NodeNext" in tsconfig.json, format "esm" of a bundler, ' +
        `--experimental-vm-modules of Jest. Or ${EXPORT_FUNCTION}`,
    };
  const syntaxHelper = foreign.find((name) => SYNTAX_HELPER.test(name));
  if (syntaxHelper !== undefined)
    return {
      why: `uses the compiler helper ${syntaxHelper}`,
      todo: `Compile for ES2022 or later, by the \`target\` of the compiler, ${EXPORT_FUNCTION}`,
    };
  const names = foreign.filter((name) => !isImport(name, text)).map((name) => `"${name}"`);
  if (names.length === 0)
    return {
      why: 'uses something that its file imports, which a worker thread cannot see',
      todo: `Import it inside the function with await import(…), ${OR_EXPORT_IT.slice('or '.length)}`,
    };
  return {
    why: `uses ${names.join(', ')} from the scope around it, which a worker thread cannot see`,
    todo: `Import or define ${names.length === 1 ? 'it' : 'them'} inside the function, ${EXPORT_FUNCTION}`,
  };
}

/**
 * Whether a compiler has made this name for an import: it calls one in a way that nobody writes, so that it has no
 * `this`.
 */
function isImport(name: string, text: string): boolean {
  return IMPORT_BINDING.test(name) || text.includes(`(0, ${name}.`) || text.includes(`(0,${name}.`);
}

/** Why no function can be sent as text from a process that cannot ask its engine about functions. */
export function notInspected(error: unknown): Refusal {
  const why = 'cannot be sent as text: which names it uses is asked of the inspector, ';
  if ((error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED') {
    const allowed = process.allowedNodeEnvironmentFlags.has('--allow-inspector') ? 'Add --allow-inspector, or e' : 'E';
    return {
      why: `${why}which the permission model of Node.js (--permission) keeps from this process`,
      todo: `${allowed}${EXPORT_IT.slice(1)}`,
    };
  }
  if (!process.features.inspector) return { why: `${why}which this Node.js was built without`, todo: EXPORT_IT };
  return { why: `${why}which failed: ${error instanceof Error ? error.message : String(error)}`, todo: EXPORT_IT };
}
