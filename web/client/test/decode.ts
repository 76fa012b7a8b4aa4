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
  subscription: bigint;
  lastOffset: bigint;
  maxOffset: bigint;
  hash: bigint;
  records: Uint8Array[];
}

const maxEventBytes = 512 << 10;
const maxRecordBytes = maxEventBytes + (4 << 10);

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
  if (flags > 1) throw new Error('unknown flag');
  const live = flags === 1;
  const [subscription, lastOffset, maxOffset] = [r.uvarint(), r.uvarint(), r.uvarint()];
  if (subscription < 1n || subscription > 0xffffffffn) throw new Error('subscription out of range');
  if (lastOffset > maxOffset || (live && lastOffset !== maxOffset)) throw new Error('offsets out of order');
  const hash = r.uint64();
  const records: Uint8Array[] = [];
  while (!r.atEnd) records.push(r.block(1, maxRecordBytes));
  return { live, subscription, lastOffset, maxOffset, hash, records };
}
