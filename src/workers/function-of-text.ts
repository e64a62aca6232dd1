/**
 * Makes a function of its text again: see {@link FunctionSource}.
 *
 * @param helpers - the names in it that are to be supplied, with spaces between them. What they do here is nothing that anybody would notice
 */
export function functionOf(text: string, helpers: string): (...args: unknown[]) => unknown {
  const names = helpers === '' ? [] : helpers.split(' ');
  return new Function(...names, `return ${text}`)(...names.map(helperFor)) as (...args: unknown[]) => unknown;
}

function helperFor(name: string): unknown {
  if (name === '__name') return (fn: unknown) => fn;
  if (name === '__vite_ssr_dynamic_import__') return (module: string) => import(module);
  // The counters of a coverage tool: whatever is asked of them, there is something to count with.
  const counter: unknown = new Proxy(() => counter, {
    get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : counter),
    set: () => true,
  });
  return counter;
}
