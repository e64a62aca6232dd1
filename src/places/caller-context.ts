/** Calls a function in the context that was current when this was made. */
export type CallerContext = <R>(call: () => R) => R;

/** As far as it is needed here of `node:async_hooks`, which is asked for and not imported: browsers have no such thing. */
interface AsyncHooks {
  readonly AsyncLocalStorage: { snapshot(): CallerContext };
}

const HERE: CallerContext = (call) => call();

/**
 * What runs for a run belongs to whoever called `run()`: it finds the values of `AsyncLocalStorage` that were there, also
 * where a message of a thread or somebody else's abort is what sets it off.
 */
export function callerContext(): CallerContext {
  const { process } = globalThis as { process?: { getBuiltinModule?(id: string): unknown } };
  const hooks = process?.getBuiltinModule?.('node:async_hooks') as AsyncHooks | undefined;
  return hooks === undefined ? HERE : hooks.AsyncLocalStorage.snapshot();
}
