// xxHash64, after its specification (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md). Slow and plain: for tests.

const p1 = 0x9e3779b185ebca87n;
const p2 = 0xc2b2ae3d27d4eb4fn;
const p3 = 0x165667b19e3779f9n;
const p4 = 0x85ebca77c2b2ae63n;
const p5 = 0x27d4eb2f165667c5n;

const u64 = (n: bigint): bigint => BigInt.asUintN(64, n);
const rotate = (n: bigint, by: bigint): bigint => u64((n << by) | (n >> (64n - by)));
const round = (acc: bigint, lane: bigint): bigint => u64(rotate(u64(acc + lane * p2), 31n) * p1);
const merge = (hash: bigint, acc: bigint): bigint => u64((hash ^ round(0n, acc)) * p1 + p4);

export function xxhash64(bytes: Uint8Array, seed: bigint): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = u64(seed + p5);
  if (bytes.length >= 32) {
    const acc = [u64(seed + p1 + p2), u64(seed + p2), seed, u64(seed - p1)];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) acc[i] = round(acc[i]!, view.getBigUint64(at + 8 * i, true));
    }
    hash = u64([1n, 7n, 12n, 18n].reduce((sum, by, i) => sum + rotate(acc[i]!, by), 0n));
    for (const lane of acc) hash = merge(hash, lane);
  }
  hash = u64(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) hash = u64(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4);
  if (at + 4 <= bytes.length) {
    hash = u64(rotate(hash ^ u64(BigInt(view.getUint32(at, true)) * p1), 23n) * p2 + p3);
    at += 4;
  }
  for (; at < bytes.length; at++) hash = u64(rotate(hash ^ u64(BigInt(bytes[at]!) * p5), 11n) * p1);
  hash = u64((hash ^ (hash >> 33n)) * p2);
  hash = u64((hash ^ (hash >> 29n)) * p3);
  return hash ^ (hash >> 32n);
}
