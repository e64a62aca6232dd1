import { withCaller } from '../codec/error-codec.js';
import { decodeValue, encodeThrown, encodeValue } from '../codec/value-codec.js';
import { InvalidOptionError, QueueError, UncarriableError } from '../errors.js';
import type { OutcomeStore } from '../store/outcome-store.js';
import type { CarriedValue } from './job-messages.js';

/** Where values go that are too large for a queue. */
export interface ValueOptions {
  /**
   * A store that the executor and all workers reach, such as a {@link FolderStore} on a shared disk: results and arguments above `inlineLimit` go there, and
   * only their keys into the queue. Whoever made it closes it. Default: none, everything goes into the queue.
   */
  readonly valueStore?: OutcomeStore | undefined;
  /** From how many bytes on a value goes into the value store. Default 65 536. */
  readonly inlineLimit?: number | undefined;
}

const INLINE_LIMIT = 65_536;
/** More than this is not put into a queue, whatever comes: the server keeps it twice. */
const INLINE_MAX = 32 * 2 ** 20;
const VALUE = 'value';
/** What a value begins with that goes as JSON; base64 never does. */
const SMALL = '=';
const SMALL_MAX = 1000;

/** Takes values to other machines and back: small ones as they are, large ones by way of a store. */
export class CarriedValues {
  readonly #store: OutcomeStore | undefined;
  readonly #inlineLimit: number;

  /** @throws {@link InvalidOptionError} */
  constructor({ valueStore, inlineLimit = INLINE_LIMIT }: ValueOptions) {
    if (!(inlineLimit >= 0)) throw new InvalidOptionError('inlineLimit', 'a number of bytes of 0 or more', inlineLimit);
    if (valueStore !== undefined && typeof valueStore?.save !== 'function')
      throw new InvalidOptionError('valueStore', 'a store, such as new FolderStore(folder)', valueStore);
    this.#store = valueStore;
    this.#inlineLimit = inlineLimit;
  }

  /**
   * @param name - what the value is called where a part of it is named
   * @param key - under which it is stored if it is large
   * @throws {@link UncarriableError}
   */
  carry(value: unknown, name: string, key: string): CarriedValue | Promise<CarriedValue> {
    const text = smallText(value);
    if (text !== undefined && text.length <= this.#inlineLimit) return text;
    const bytes = encodeValue(value, name);
    if (bytes.length > this.#inlineLimit && this.#store !== undefined) return this.#stored(this.#store, key, bytes);
    if (bytes.length > INLINE_MAX) {
      throw new UncarriableError(
        `${name} takes ${bytes.length} bytes, and ${INLINE_MAX} go into a queue. Give the executor and its workers a \`valueStore\``,
      );
    }
    return base64Of(bytes);
  }

  take(carried: CarriedValue): unknown {
    if (typeof carried !== 'string') return this.#loaded(carried[0]);
    return carried.startsWith(SMALL)
      ? JSON.parse(carried.slice(SMALL.length))
      : decodeValue(Buffer.from(carried, 'base64'));
  }

  /** Drops what was stored under these keys. */
  async forget(keys: Iterable<string>): Promise<void> {
    for (const key of keys) await this.#store?.forget(key, [VALUE]);
  }

  async #stored(store: OutcomeStore, key: string, bytes: Uint8Array): Promise<CarriedValue> {
    const saved = store.save(key, VALUE, bytes);
    if (saved === undefined) await store.flush();
    else await saved;
    return [key, bytes.length];
  }

  async #loaded(key: string): Promise<unknown> {
    if (this.#store === undefined)
      throw new QueueError(
        `A value is in the store under ${JSON.stringify(key)}, and there is none here. Give the executor and its workers the same \`valueStore\`.`,
      );
    for (const [, bytes] of (await this.#store.load(key)).outcomes) return decodeValue(bytes);
    throw new QueueError(
      `The value store has nothing under ${JSON.stringify(key)}. The executor and its workers must share one \`valueStore\`.`,
    );
  }
}

export function carriedError(error: unknown): string {
  return base64Of(encodeThrown(error));
}

/** @param calledFrom - lines to go below its stack */
export function takenError(carried: CarriedValue, calledFrom: string): unknown {
  return withCaller(decodeValue(Buffer.from(carried as string, 'base64')), calledFrom);
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

/** The text of a value that JSON keeps as it is, without a serializer and base64; `undefined` for all others. */
function smallText(value: unknown): string | undefined {
  const isSmall =
    value === null ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)) ||
    (typeof value === 'string' && value.length <= SMALL_MAX);
  return isSmall ? SMALL + JSON.stringify(value) : undefined;
}
