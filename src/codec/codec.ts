/**
 * What `taskmap-ts/codec` exports: values as bytes, by the rules of stores and queues. It is for those who send tasks
 * to places of their own.
 *
 * @module
 */

export { UncarriableError } from '../errors.js';
export { registerErrors } from './error-classes.js';
export { decodeValue, encodeThrown, encodeValue } from './value-codec.js';
