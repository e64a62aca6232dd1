/** Where a module task is to be found. */
export interface ModuleReference {
  readonly moduleUrl: string;
  readonly exportName: string;
}

/**
 * On each module task its {@link ModuleReference}: by a name that every copy of this package finds, should a program
 * have loaded two.
 */
const REFERENCE = Symbol.for('taskmap.moduleReference');

/** Where a function comes from, if `taskModule` made it. */
export function moduleReference(fn: Function): ModuleReference | undefined {
  return (fn as { [REFERENCE]?: ModuleReference })[REFERENCE];
}

/** Tells where a function comes from. */
export function refersTo<F extends Function>(fn: F, reference: ModuleReference): F {
  return Object.defineProperty(fn, REFERENCE, { value: reference });
}
