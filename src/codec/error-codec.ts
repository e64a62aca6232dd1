import { type Packed, pack, unpack } from './crossing.js';
import { insteadOf } from './error-record.js';

/** Any thrown value, in a form that the engine's clone carries. */
export type EncodedError = { readonly packed: Packed } | { readonly value: unknown };

/** What is thrown crosses in any case: what cannot becomes an error that describes it. */
export function encodeError(thrown: unknown): EncodedError {
  try {
    return encoded(thrown);
  } catch {
    return encoded(insteadOf(thrown));
  }
}

/** @param calledFrom - lines to go below the error's own stack: where on this side the work was asked for */
export function decodeError(encoded: EncodedError, calledFrom = ''): unknown {
  return withCaller('packed' in encoded ? unpack(encoded.packed) : encoded.value, calledFrom);
}

/** An error that has just been made again, with lines below its stack; anything else as it is. */
export function withCaller(thrown: unknown, calledFrom: string): unknown {
  if (thrown instanceof Error) thrown.stack += calledFrom;
  return thrown;
}

function encoded(thrown: unknown): EncodedError {
  const packed = pack(thrown);
  return packed === undefined ? { value: thrown } : { packed };
}
