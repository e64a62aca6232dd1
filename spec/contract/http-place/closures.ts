import type { ChildProcess, ForkOptions } from 'node:child_process';
import { type ModuleTask, type TaskContext, type TaskFunction, type TaskSpec, taskModule } from 'taskmap-ts';
import { decodeValue, encodeThrown, encodeValue } from 'taskmap-ts/codec';
import { builtFile } from '../../support/built.js';

/** What a process asks for: to call a closure, or to abort such a call. */
export interface Call {
  readonly id: number;
  readonly closure?: number;
  readonly values?: Uint8Array;
  readonly abort?: Uint8Array;
}

/** What becomes of the call. */
export interface Answer {
  readonly id: number;
  readonly kind: 'returned' | 'threw' | 'progressed';
  readonly value: Uint8Array;
}

/** What lets a process call closures, once it is built. */
export const FORK_OPTIONS: ForkOptions = {
  execArgv: ['--import', builtFile('spec/contract/http-place/calling.ts')],
  serialization: 'advanced',
};

const closures: TaskFunction[] = [];

/** A task whose function is the export of a module, which has this process call the closure that it stands for. */
export function calledBack(spec: TaskSpec): TaskSpec {
  const closure = closures.push(spec.run as TaskFunction) - 1;
  const passed = spec.withContext ? '(context, ...args)' : '(...args)';
  const context = spec.withContext ? 'context' : 'undefined';
  // The same for all closures, as far as it is looked at.
  const text = `
    const closure = Number(new URL(import.meta.url).hash.slice(1));
    export const call = ${passed} => callTheSpec(closure, ${context}, args);`;
  const { call } = taskModule<{ call: TaskFunction }>(`data:text/javascript,${encodeURIComponent(text)}#${closure}`);
  return { ...spec, run: call as ModuleTask, ioBound: true };
}

/** Calls for a process the closures that it has to call. */
export function callFor(child: ChildProcess): ChildProcess {
  const controllers = new Map<number, AbortController>();
  child.on('message', (message) => {
    // The first of all is no call.
    if (typeof message !== 'object') return;
    const { id, closure, values, abort } = message as Call;
    if (abort !== undefined) controllers.get(id)!.abort(decodeValue(abort));
    else void call(id, closures[closure!]!, values!);
  });
  const answer = (id: number, kind: Answer['kind'], value: Uint8Array) => {
    // It may be dead by now, and with it whoever waits for the answer.
    if (child.connected) child.send({ id, kind, value } satisfies Answer, () => {});
  };
  const call = async (id: number, fn: TaskFunction, values: Uint8Array) => {
    const [about, args] = decodeValue(values) as [object | undefined, unknown[]];
    const { signal } = controllers.set(id, new AbortController()).get(id)!;
    const progress: TaskContext['progress'] = (...told) => answer(id, 'progressed', encodeValue(told));
    try {
      const passed = about === undefined ? args : [{ ...about, signal, progress }, ...args];
      answer(id, 'returned', encodeValue(await (fn as (...args: unknown[]) => unknown)(...passed), 'result'));
    } catch (error) {
      answer(id, 'threw', encodeThrown(error));
    }
  };
  return child;
}
