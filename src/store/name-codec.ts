/*
 * A name as bytes, whatever string it is:
 *
 *   length in bytes · 2, + 1 if it is UTF-16 because UTF-8 cannot say it (4, little-endian) │ bytes
 */

/** How many bytes a name becomes. */
export function nameSize(name: string): number {
  return 4 + (isWellFormed(name) ? Buffer.byteLength(name) : 2 * name.length);
}

/** @returns where it ends */
export function writeName(buffer: Buffer, at: number, name: string): number {
  const whole = isWellFormed(name);
  const length = buffer.write(name, at + 4, whole ? 'utf8' : 'utf16le');
  buffer.writeUInt32LE(length * 2 + (whole ? 0 : 1), at);
  return at + 4 + length;
}

/** Where the name ends that begins here; beyond all files if it does not end within `end` bytes. */
export function nameEnd(buffer: Buffer, at: number, end: number): number {
  const found = at + 4 <= end ? at + 4 + (buffer.readUInt32LE(at) >>> 1) : Number.POSITIVE_INFINITY;
  return found <= end ? found : Number.POSITIVE_INFINITY;
}

/** The name that begins here, of bytes that are known to be what was written. */
export function readName(buffer: Buffer, at: number): { readonly name: string; readonly end: number } {
  const header = buffer.readUInt32LE(at);
  const end = at + 4 + (header >>> 1);
  return { name: buffer.toString(header % 2 === 0 ? 'utf8' : 'utf16le', at + 4, end), end };
}

function isWellFormed(name: string): boolean {
  return (name as string & { isWellFormed(): boolean }).isWellFormed();
}
