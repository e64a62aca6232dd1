/*
 * What tasks do, for every contender the same. Plain JavaScript, so that any thread can import it as it stands, compiled or not. The first parameter says how
 * much of it is to be done, the others are the results of dependencies.
 */

/** Every result depends on all inputs and on their order: a contender that mixes them up is found out. */
function combined(inputs) {
  let sum = 1;
  for (const input of inputs) sum = (Math.imul(sum, 31) + input) | 0;
  return sum;
}

export function nothing(_, ...inputs) {
  return combined(inputs);
}

/** What has been computed for nothing goes here, or the compiler would leave it out. */
export let sink = 0;

/** Computes: so many rounds of xorshift. */
export function spin(iterations, ...inputs) {
  let state = 1;
  for (let iteration = 0; iteration < iterations; iteration++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  sink = state;
  return combined(inputs);
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** Keeps its thread for so many milliseconds and leaves the core to others: how busy the machine is does not matter. */
export function block(ms, ...inputs) {
  Atomics.wait(NEVER, 0, 0, ms);
  return combined(inputs);
}

/** Blocks for as long as its inputs say: how long that is, nobody can know from the function. */
export function blockAsTold(_, ...inputs) {
  const ms = inputs.reduce((sum, input) => sum + input, 0);
  if (ms > 0) Atomics.wait(NEVER, 0, 0, ms);
  return combined(inputs);
}

/** Waits and leaves its thread to others. */
export async function wait(ms, ...inputs) {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return combined(inputs);
}

/** A number for others to be told. */
export function constant(number) {
  return number;
}

// Large results: made, handed on, and looked at. The last byte is 7 and so is the last field.

export function bufferMade(bytes) {
  const buffer = new ArrayBuffer(bytes);
  new Uint8Array(buffer)[bytes - 1] = 7;
  return buffer;
}

export async function bufferMadeToMove(bytes) {
  return toMove(bufferMade(bytes));
}

export function sharedMade(bytes) {
  const buffer = new SharedArrayBuffer(bytes);
  new Uint8Array(buffer)[bytes - 1] = 7;
  return buffer;
}

export function textMade(bytes) {
  return `${'x'.repeat(bytes - 1)}7`;
}

/** Some 64 bytes each, if one counts the fields. */
export function rowsMade(bytes) {
  return Array.from({ length: bytes / 64 }, (_, index) => ({
    index,
    name: `row ${index}`,
    weight: index / 3,
    last: 7,
  }));
}

export function handedOn(_, value) {
  return value;
}

export async function handedOnToMove(_, value) {
  return toMove(value.slice(0));
}

export function bufferSeen(_, buffer) {
  return buffer.byteLength + new Uint8Array(buffer)[buffer.byteLength - 1];
}

export function textSeen(_, text) {
  return text.length + Number(text.at(-1));
}

export function rowsSeen(_, rows) {
  return rows.length + rows.at(-1).last;
}

async function toMove(buffer) {
  const { transfer } = await import('taskmap-ts');
  return transfer(buffer, [buffer]);
}
