/** Calls a function in the context that was current when this was made. */
export type CallerContext = <R>(call: () => R) => R;

/** As far as it is needed here of `node:async_hooks`, which is asked for and not imported: browsers have no such thing. */
interface AsyncHooks {
  readonly AsyncResource: new (
    type: string,
    options: { readonly requireManualDestroy: boolean },
  ) => { runInAsyncScope<R>(call: () => R): R };
}

const HERE: CallerContext = (call) => call();
const { process } = globalThis as { process?: { getBuiltinModule?(id: string): unknown } };
const hooks = process?.getBuiltinModule?.('node:async_hooks') as AsyncHooks | undefined;
/** Nothing of it is ever destroyed: it is garbage when its run is. */
const OPTIONS = { requireManualDestroy: true };

/**
 * What runs for a run belongs to whoever called `run()`: it finds the values of `AsyncLocalStorage` that were there, also
 * where a message of a thread or somebody else's abort is what sets it off.
 */
export function callerContext(): CallerContext {
  if (hooks === undefined) return HERE;
  const resource = new hooks.AsyncResource('TASKMAP_RUN', OPTIONS);
  return (call) => resource.runInAsyncScope(call);
}

/** The context of nobody: for what several runs share. */
export const inNoContext: CallerContext = callerContext();
