import { describe, expect, test } from 'vitest';
import { checkName } from '../src/name.ts';
import { type DecodedEvent, decodeFrame, decodePart, decodeRecord } from './decode.ts';
import { fromHex, readVectors } from './vectors.ts';
import { xxhash64 } from './xxhash64.ts';

interface VectorEvent {
  offset: string;
  createdAtNanos: string;
  type: string;
  idempotencyKey: string | null;
  payload: string | null;
  metadata: string | null;
  source: { slug: string; version: string } | null;
}
interface Records {
  valid: { name: string; event: VectorEvent; record: string; hashBefore: string; hashAfter: string }[];
  corrupt: { why: string; record: string }[];
}
interface Frames {
  valid: { name: string; frame: string; subscription: number; live: boolean; assembled: boolean; lastOffset: string; maxOffset: string; hash: string; events: VectorEvent[] }[];
  corrupt: { why: string; frame: string }[];
  parts: { name: string; frame: string; subscription: number; offset: string; recordBytes: number; start: number; bytes: string }[];
  corruptParts: { why: string; frame: string }[];
}
interface Names {
  valid: { namespace: string; path: string }[];
  invalid: { why: string; namespace: string; path: string; field: string }[];
}

const sayEvent = (event: DecodedEvent) => ({
  ...event,
  offset: event.offset.toString(),
  createdAtNanos: event.createdAtNanos.toString(),
});
const wanted = ({ offset, createdAtNanos, type, idempotencyKey, payload, metadata, source }: VectorEvent) => ({
  ...{ offset, createdAtNanos, type, idempotencyKey, payload, metadata, source },
});
const hex64 = (n: bigint) => n.toString(16).padStart(16, '0');

describe('records', () => {
  const { valid, corrupt } = readVectors('records') as Records;
  test.each(valid)('$name', ({ event, record, hashBefore, hashAfter }) => {
    const bytes = fromHex(record);
    expect(sayEvent(decodeRecord(bytes))).toEqual(wanted(event));
    expect(hex64(xxhash64(bytes, BigInt(`0x${hashBefore}`)))).toBe(hashAfter);
  });
  test.each(corrupt)('refused: $why', ({ record }) => {
    expect(() => decodeRecord(fromHex(record))).toThrow();
  });
});

describe('frames', () => {
  const { valid, corrupt, parts, corruptParts } = readVectors('frames') as Frames;
  test.each(valid)('$name', ({ frame, events, ...want }) => {
    const got = decodeFrame(fromHex(frame));
    expect(Number(got.subscription)).toBe(want.subscription);
    expect(got.live).toBe(want.live);
    expect(got.assembled).toBe(want.assembled);
    expect(got.lastOffset.toString()).toBe(want.lastOffset);
    expect(got.maxOffset.toString()).toBe(want.maxOffset);
    expect(hex64(got.hash)).toBe(want.hash);
    expect(got.records.map((record) => sayEvent(decodeRecord(record)))).toEqual(events.map(wanted));
  });
  test('the hash of a frame is that of its records, from the first', () => {
    const { hash, records } = decodeFrame(fromHex(valid[0]!.frame));
    expect(records.length).toBeGreaterThan(0);
    expect(records.reduce((before, record) => xxhash64(record, before), 0n)).toBe(hash);
  });
  test.each(corrupt)('refused: $why', ({ frame }) => {
    expect(() => decodeFrame(fromHex(frame))).toThrow();
  });
  test.each(parts)('part: $name', ({ frame, ...want }) => {
    const got = decodePart(fromHex(frame));
    expect([got.subscription, got.recordBytes, got.start].map(Number)).toEqual([want.subscription, want.recordBytes, want.start]);
    expect(got.offset.toString()).toBe(want.offset);
    expect(got.bytes).toEqual(fromHex(want.bytes));
  });
  test.each(corruptParts)('part refused: $why', ({ frame }) => {
    expect(() => decodePart(fromHex(frame))).toThrow();
  });
});

describe('names', () => {
  const { valid, invalid } = readVectors('names') as Names;
  test.each(valid)('$namespace:$path', (name) => {
    expect(checkName(name)).toBeUndefined();
  });
  test.each(invalid)('refused: $why', ({ namespace, path, field }) => {
    expect(checkName({ namespace, path })?.field).toBe(field);
  });
});
