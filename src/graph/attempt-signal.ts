/**
 * What tells the function of one attempt to come to an end. A function may hand its signal on to as many as it likes:
 * under Node, which takes more than ten listeners for a leak, this one has no such bound, as it goes with its attempt.
 */
export function attemptController(): AbortController {
  const controller = new AbortController();
  // Asked for in this way, and not imported, since browsers run this as well.
  globalThis.process?.getBuiltinModule?.('node:events')?.setMaxListeners(0, controller.signal);
  return controller;
}
