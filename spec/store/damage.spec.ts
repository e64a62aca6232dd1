import {
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { FileStore, StoreFormatError, type StoreRepair } from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FileWindow, system } from '../../src/store/file-system.js';
import {
  HEADER_SIZE,
  journalHeader,
  Kind,
  RECORD_HEADER_SIZE,
  readSaved,
  writeDraft,
} from '../../src/store/journal-format.js';
import { scanJournal } from '../../src/store/journal-scan.js';
import { PlaceTable } from '../../src/store/outcome-table.js';

let folder: string;
/** A file that is open, to be scanned with any bytes in it: to open one each time would take longer than all the rest. */
let scratch: number;
/** A file in which values were kept, replaced and forgotten, in writes of one to six records. */
let original: Buffer;
/** What is in it after each write: its length, and the values. */
const states: { readonly length: number; readonly values: ReadonlyMap<string, string> }[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-damage-'));
  scratch = openSync(join(folder, 'scratch'), 'w+');
  const path = join(folder, 'original');
  // A store that is held up between two records writes the first at once: then a write ends where this spec knows of none.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
  const store = new FileStore(path);
  const values = new Map<string, string>();
  store.load('etl');
  states.push({ length: readFileSync(path).length, values: new Map() });
  for (let write = 0; write < 12; write++) {
    for (let record = 0; record <= write % 6; record++) {
      const task = `task ${(write * 5 + record * 3) % 17}`;
      if ((write + record) % 5 === 4) {
        store.forget('etl', [task]);
        values.delete(task);
      } else {
        const text = `${task} of write ${write}`;
        store.save('etl', task, Buffer.from(text));
        values.set(task, text);
      }
    }
    store.flushSync();
    states.push({ length: readFileSync(path).length, values: new Map(values) });
  }
  store.close();
  clock.mockRestore();
  original = readFileSync(path);
});

afterAll(() => {
  closeSync(scratch);
  rmSync(folder, { recursive: true, force: true });
});

/** What is found in a file of these bytes, without mending it. */
function scanned(bytes: Uint8Array): {
  readonly values: Map<string, string>;
  readonly repairs: readonly StoreRepair[];
  readonly state: string;
} {
  ftruncateSync(scratch, bytes.length);
  writeSync(scratch, bytes, 0, bytes.length, 0);
  const { places, repairs, state } = scanJournal('scratch', scratch, bytes.length);
  const window = new FileWindow(scratch, bytes.length);
  const values = new Map<string, string>();
  for (const place of places.of('etl')) {
    const saved = readSaved(window, place.offset, place.size);
    if (saved !== undefined) values.set(place.task, Buffer.from(saved).toString());
  }
  return { values, repairs, state };
}

/** What a store makes of a file of these bytes, and another one after it. */
function reopened(bytes: Uint8Array): {
  readonly values: Map<string, string>;
  readonly repairs: readonly StoreRepair[];
} {
  const own = mkdtempSync(join(folder, 'reopened-'));
  const path = join(own, 'outcomes');
  writeFileSync(path, bytes);
  const load = () => {
    const store = new FileStore(path);
    const { outcomes, repairs = [] } = store.load('etl');
    store.close();
    return { values: new Map([...outcomes].map(([task, value]) => [task, Buffer.from(value).toString()])), repairs };
  };
  const first = load();
  // It has been mended: the next finds the same, and nothing to tell.
  expect(load()).toEqual({ values: first.values, repairs: [] });
  for (const { copy } of first.repairs)
    if (copy !== undefined) expect(Buffer.compare(readFileSync(copy), bytes)).toBe(0);
  rmSync(own, { recursive: true });
  return first;
}

/** Each value is the last that was saved of its task; what is not there is told. */
function expectNothingWrong({ values, repairs }: Pick<ReturnType<typeof scanned>, 'values' | 'repairs'>): void {
  const last = states.at(-1)!.values;
  const wrong = [...values].filter(([task, value]) => value !== last.get(task));
  const told = new Set(repairs.flatMap(({ tasks }) => tasks.map(({ task }) => task)));
  const isUnknown = repairs.some(({ recordsLost }) => recordsLost === undefined);
  const lost = repairs.reduce((sum, { recordsLost = 0 }) => sum + recordsLost, 0);
  const untold = [...last.keys()].filter((task) => !values.has(task) && !told.has(task));
  expect(repairs.length).toBeGreaterThan(0);
  // A task that was lost with its first record is known to nobody, but that it was one record is.
  expect({ wrong, isTold: isUnknown || untold.length <= lost }).toEqual({ wrong: [], isTold: true });
}

describe('a file that was cut off', () => {
  it('has what was written before, at every length, and tells of a write that was cut short', () => {
    for (let length = 0; length <= original.length; length++) {
      const { values, repairs, state } = scanned(original.subarray(0, length));
      const whole = states.find((one) => one.length === length);
      const next = states.findIndex((one) => one.length > length);
      if (whole !== undefined || length === 0) {
        expect({ length, values, repairs }).toEqual({ length, values: whole?.values ?? new Map(), repairs: [] });
        continue;
      }
      expect({ length, count: repairs.length, reason: repairs[0]?.reason }).toEqual({
        length,
        count: 1,
        reason: 'torn',
      });
      expect(state).not.toBe('damaged');
      // The records of the write that came to the disk, each whole.
      const [before, after] = [states[next - 1]?.values ?? new Map(), states[next]!.values];
      for (const [task, value] of values) expect([before.get(task), after.get(task)]).toContain(value);
      for (const task of before.keys()) if (after.has(task)) expect(values.has(task)).toBe(true);
    }
  });

  it('is written on, as if nothing had been', () => {
    for (let length = 0; length <= original.length; length += 97) {
      const own = mkdtempSync(join(folder, 'cut-'));
      const path = join(own, 'outcomes');
      writeFileSync(path, original.subarray(0, length));
      const store = new FileStore(path);
      const before = [...store.load('etl').outcomes].map(([task]) => task);
      store.save('etl', 'after', Buffer.from('the cut'));
      store.close();
      const again = new FileStore(path);
      const { outcomes, repairs } = again.load('etl');
      expect([...outcomes].map(([task]) => task)).toEqual([...before, 'after']);
      expect(repairs).toEqual([]);
      again.close();
      expect(readdirSync(own)).toEqual(['outcomes']);
    }
  });

  it('tells of a cut between two records once: then the index is there that was missing', () => {
    // The last write had six records.
    const cut = original.subarray(0, original.length - 16 - 5 - 6 * 4);
    expect(scanned(cut).repairs).toMatchObject([{ reason: 'torn', bytesDropped: 0 }]);
    expect(reopened(cut).values).toEqual(states.at(-1)!.values);
    const path = join(folder, 'between');
    writeFileSync(path, cut);
    const store = new FileStore(path);
    store.load('etl');
    store.close();
    const mended = readFileSync(path);
    // A record of that write which is lost now is known again by its task.
    mended[cut.length - 1]! ^= 1;
    const { repairs } = scanned(mended);
    expect(repairs).toMatchObject([{ recordsLost: 1 }]);
    expect(repairs[0]!.tasks.length).toBeLessThanOrEqual(1);
  });

  it('may be padded with zeros, as a disk may leave it', () => {
    for (let length = 0; length < original.length; length += 31) {
      const bytes = Buffer.alloc(length + 5_000);
      original.copy(bytes, 0, 0, length);
      const { values, repairs } = scanned(bytes);
      expect(repairs.length).toBeGreaterThan(0);
      const history = new Set(states.flatMap((one) => [...one.values.values()]));
      for (const value of values.values()) expect(history).toContain(value);
    }
  });
});

describe('a file with damaged bytes', () => {
  it('loses the damaged record alone, whichever bit it was, and tells so', () => {
    for (let at = 0; at < original.length; at++) {
      const bytes = Buffer.from(original);
      bytes[at]! ^= 1 << ((at * 5) % 8);
      const found = scanned(bytes);
      expectNothingWrong(found);
      expect(states.at(-1)!.values.size - found.values.size).toBeLessThanOrEqual(1);
      expect(found.repairs).toHaveLength(1);
    }
  });

  it('never has a wrong value, whatever bytes are changed', () => {
    const history = new Set(states.flatMap((one) => [...one.values].map(([task, value]) => `${task}: ${value}`)));
    const flip = fc.record({ at: fc.nat(), by: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 6 }), (flips) => {
        const bytes = Buffer.from(original);
        for (const { at, by } of flips) bytes[at % bytes.length]! ^= by;
        fc.pre(!bytes.equals(original));
        let found: ReturnType<typeof scanned>;
        try {
          found = scanned(bytes);
        } catch (error) {
          // Damaged so that nothing says any more that it is a store.
          expect(error).toBeInstanceOf(StoreFormatError);
          return;
        }
        expect(found.repairs.length).toBeGreaterThan(0);
        // Where the last write and its index are both damaged, an older value may be the last that is known: it was right once, and the loss is told.
        expect([...found.values].filter(([task, value]) => !history.has(`${task}: ${value}`))).toEqual([]);
        if (!found.repairs.some(({ recordsLost }) => recordsLost === undefined)) expectNothingWrong(found);
      }),
      { numRuns: 3_000 },
    );
  });

  it('brings nothing to light that was replaced or forgotten, even where a whole stretch is gone', () => {
    for (let from = 16; from + 200 < original.length - 300; from += 13) {
      const bytes = Buffer.from(original);
      bytes.fill(0, from, from + 200);
      expectNothingWrong(scanned(bytes));
      expectNothingWrong(scanned(bytes.fill('c\xc3T\x4d\x9a', from, from + 200, 'latin1')));
    }
  });

  it('is read once from its beginning to its end, and what is known of it gone through once, however much is lost', () => {
    const path = join(folder, 'long');
    const store = new FileStore(path);
    for (let task = 0; task < 3_000; task++) {
      store.save('etl', `task ${task}`, Buffer.alloc(60, task));
      if (task % 100 === 99) store.flushSync();
    }
    store.close();
    const bytes = readFileSync(path);
    bytes.fill(0x55, 200, Math.floor(bytes.length * 0.4));
    const read = vi.spyOn(system, 'read');
    const gone = vi.spyOn(PlaceTable.prototype, 'all');
    const { values, repairs } = scanned(bytes);
    const bytesRead = read.mock.results.reduce((sum, { value }) => sum + Number(value), 0);
    const goneThrough = gone.mock.calls.length;
    vi.restoreAllMocks();
    expect(values.size).toBeGreaterThan(1_700);
    expect(repairs).toHaveLength(1);
    expect(repairs[0]!.recordsLost).toBeGreaterThan(1_100);
    expect(goneThrough).toBe(1);
    // Once to find records, once by this spec for their values.
    expect(bytesRead).toBeLessThan(2.5 * bytes.length);
  });

  it('has no record of another shape, even if its checksum holds', () => {
    const whole = Buffer.alloc(RECORD_HEADER_SIZE + 1 + 5 + 5 + 28 + 12);
    const file = { name: '0123456789abcdef01234567', size: 7, crc: 1 };
    writeDraft(whole, 0, HEADER_SIZE, 1, { kind: Kind.large, graph: 'g', task: 't', file });
    const changed = (change: (record: Buffer) => void) => {
      const record = Buffer.from(whole);
      change(record);
      const place = Buffer.alloc(8);
      place.writeDoubleLE(HEADER_SIZE);
      record.writeUInt32LE(crc32(record.subarray(8), crc32(place)), 4);
      return scanned(Buffer.concat([journalHeader(), record]));
    };
    expect(changed(() => {}).repairs).toMatchObject([{ reason: 'torn', bytesDropped: 0 }]);
    const changes: ((record: Buffer) => void)[] = [
      (record) => record.writeUInt8(9, RECORD_HEADER_SIZE),
      (record) => record.writeUInt32LE(2 * 1_000, RECORD_HEADER_SIZE + 1),
      (record) => record.writeUInt32LE(2 * 1_000, RECORD_HEADER_SIZE + 6),
      (record) => record.writeUInt32LE(2 * 30, RECORD_HEADER_SIZE + 11),
      (record) => record.write('../../../../../etc/group', RECORD_HEADER_SIZE + 15),
    ];
    for (const change of changes) expect(changed(change).repairs).toMatchObject([{ reason: 'damaged' }]);
  });

  it('is mended once, with a copy of what it was', () => {
    for (let at = 0; at < original.length; at += 53) {
      const bytes = Buffer.from(original);
      bytes[at]! ^= 0x10;
      const found = reopened(bytes);
      expectNothingWrong(found);
      expect(scanned(bytes).values).toEqual(found.values);
    }
  });

  it('gets a copy of another name for each time', () => {
    const path = join(folder, 'twice');
    for (let time = 1; time <= 2; time++) {
      const bytes = Buffer.from(original);
      bytes[100 + time]! ^= 0xff;
      writeFileSync(path, bytes);
      const store = new FileStore(path);
      const [repair] = store.load('etl').repairs!;
      store.close();
      expect(repair).toMatchObject({ reason: 'damaged', path, recordsLost: 1, copy: `${path}.damaged-${time}` });
      expect(repair!.text).toMatch(
        /^Bytes of ".*twice" are damaged: 1 record is lost\. \d+ bytes from \d+ on were dropped\. The file as it was is now ".*twice\.damaged-\d"\.$/,
      );
    }
    expect(existsSync(`${path}.damaged-3`)).toBe(false);
  });

  it('does not take for its own what is a record within a value', () => {
    const path = join(folder, 'nested');
    copyFileSync(join(folder, 'original'), path);
    const store = new FileStore(path);
    store.save('etl', 'copy of the file', original);
    store.save('etl', 'task 0', Buffer.from('last'));
    store.close();
    const bytes = readFileSync(path);
    // The header of the record around the copy.
    bytes[original.length + 9]! ^= 1;
    const { values, repairs } = scanned(bytes);
    expect(repairs).toMatchObject([{ recordsLost: 1, tasks: [] }]);
    expect(values).toEqual(new Map([...states.at(-1)!.values, ['task 0', 'last']]));
  });

  it('loses a value whose bytes are damaged while it is open, and tells so', () => {
    const path = join(folder, 'open');
    const store = new FileStore(path);
    store.save('etl', 'rows', Buffer.from('to be damaged'));
    store.save('etl', 'cells', Buffer.from('whole'));
    store.flushSync();
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('to be')]! ^= 1;
    writeFileSync(path, bytes);
    const { outcomes, repairs } = store.load('etl');
    expect([...outcomes].map(([task]) => task)).toEqual(['cells']);
    expect(repairs).toMatchObject([{ reason: 'damaged', recordsLost: 1, tasks: [{ graph: 'etl', task: 'rows' }] }]);
    expect(store.load('etl').repairs).toEqual([]);
    store.close();
  });
});

describe('a file that is no store', () => {
  it.each([
    ['text', Buffer.from('name,amount\nrows,7\n')],
    ['one byte', Buffer.from('x')],
    ['much text', Buffer.from('0123456789'.repeat(100_000))],
    ['a picture', Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.alloc(100, 1)])],
  ])('is refused and left as it is: %s', (_, bytes) => {
    const own = mkdtempSync(join(folder, 'foreign-'));
    const path = join(own, 'data');
    writeFileSync(path, bytes);
    const store = new FileStore(path);
    expect(() => store.load('etl')).toThrow(
      `The file ${JSON.stringify(path)} is no store of taskmap. Nothing in it was changed: give the store another path.`,
    );
    expect(() => store.save('etl', 'rows', bytes)).toThrow(StoreFormatError);
    store.close();
    expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
    expect(readdirSync(own)).toEqual(['data']);
  });

  it('is refused if it is one of a newer version', async () => {
    const { crc32 } = await import('node:zlib');
    const path = join(folder, 'newer');
    const bytes = Buffer.from(original);
    bytes.writeUInt32LE(2, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12);
    writeFileSync(path, bytes);
    const store = new FileStore(path);
    expect(() => store.load('etl')).toThrow(
      'has format 2, which is newer than this version of taskmap. Update taskmap, or use another file.',
    );
    store.close();
    expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
  });
});
