import { Reader } from './reader.ts';

export interface DecodedEvent {
  offset: bigint;
  createdAtNanos: bigint;
  type: string;
  idempotencyKey: string | null;
  payload: string | null;
  metadata: string | null;
  source: { slug: string; version: string } | null;
}

export interface DecodedFrame {
  live: boolean;
  assembled: boolean;
  subscription: bigint;
  lastOffset: bigint;
  maxOffset: bigint;
  hash: bigint;
  records: Uint8Array[];
}

export interface DecodedPart {
  subscription: bigint;
  offset: bigint;
  recordBytes: bigint;
  start: bigint;
  bytes: Uint8Array;
}

const maxEventBytes = 32 << 20;
const maxRecordBytes = maxEventBytes + (4 << 10);
const maxPartBytes = (512 << 10) + (4 << 10);

export function decodeRecord(bytes: Uint8Array): DecodedEvent {
  const r = new Reader(bytes);
  const flags = r.byte();
  if (flags > 0b1111) throw new Error('unknown flag');
  const [hasPayload, hasMetadata, hasSource, hasKey] = [1, 2, 4, 8].map((bit) => (flags & bit) !== 0);
  const offset = r.uvarint();
  if (offset === 0n) throw new Error('offset 0');
  const event: DecodedEvent = {
    offset,
    createdAtNanos: r.int64(),
    type: r.text(1, 256),
    idempotencyKey: hasKey ? r.text(1, 512) : null,
    payload: hasPayload ? r.text(1, maxEventBytes) : null,
    metadata: hasMetadata ? r.text(1, 64 << 10) : null,
    source: hasSource ? { slug: r.text(1, 128), version: r.text(1, 64) } : null,
  };
  if (!r.atEnd) throw new Error('bytes after the end');
  return event;
}

export function decodeFrame(bytes: Uint8Array): DecodedFrame {
  const r = new Reader(bytes);
  if (r.byte() !== 1) throw new Error('unknown kind');
  const flags = r.byte();
  if (flags > 0b11) throw new Error('unknown flag');
  const [live, assembled] = [1, 2].map((bit) => (flags & bit) !== 0) as [boolean, boolean];
  const [subscription, lastOffset, maxOffset] = [r.uvarint(), r.uvarint(), r.uvarint()];
  if (subscription < 1n || subscription > 0xffffffffn) throw new Error('subscription out of range');
  if (lastOffset > maxOffset || (live && lastOffset !== maxOffset)) throw new Error('offsets out of order');
  const hash = r.uint64();
  const records: Uint8Array[] = [];
  while (!r.atEnd) records.push(r.block(1, maxRecordBytes));
  if (assembled && records.length > 0) throw new Error('records beside those that came in parts');
  return { live, assembled, subscription, lastOffset, maxOffset, hash, records };
}

export function decodePart(bytes: Uint8Array): DecodedPart {
  const r = new Reader(bytes);
  if (r.byte() !== 2) throw new Error('unknown kind');
  const [subscription, offset, recordBytes, start] = [r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()];
  if (subscription < 1n || subscription > 0xffffffffn) throw new Error('subscription out of range');
  if (offset === 0n) throw new Error('offset 0');
  if (recordBytes <= BigInt(maxPartBytes) || recordBytes > BigInt(maxRecordBytes)) throw new Error('size out of range');
  const part = r.rest();
  const end = start + BigInt(part.length);
  if (part.length === 0 || part.length > maxPartBytes || end > recordBytes) throw new Error('part out of range');
  return { subscription, offset, recordBytes, start, bytes: part };
}
