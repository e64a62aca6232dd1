/** What an attempt has along from the thread that sent it, by name. */
export type CarriedHeaders = Readonly<Record<string, string>>;

let api: typeof import('@opentelemetry/api') | undefined;

/** Loads what is needed to go on with a trace here. Where it is not installed, nobody traces here, and headers are only handed to tasks. */
export async function prepareContext(): Promise<void> {
  try {
    api ??= await import('@opentelemetry/api');
  } catch {}
}

/**
 * Calls a function inside of the context that the headers tell of: its span is the active one there, and parent of those that the function begins. As in all
 * of OpenTelemetry it is for the program to say, in this thread, how headers are read and what keeps a context active; until it has, this is a plain call.
 */
export function calledInContext(headers: CarriedHeaders, call: () => unknown): unknown {
  if (api === undefined) return call();
  const { context, propagation, ROOT_CONTEXT } = api;
  let carried = ROOT_CONTEXT;
  try {
    carried = propagation.extract(ROOT_CONTEXT, headers);
  } catch {
    // A propagator of somebody's own. The task has not to suffer for it.
  }
  return context.with(carried, call);
}
