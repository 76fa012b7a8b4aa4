// A second reading of docs/protocol.md, written apart from the Go one: when both agree on the vectors, the specification
// can be implemented from its text. For tests only; the browser leaves decoding to the mirror's program.

const maxUint64 = (1n << 64n) - 1n;

/** Reads bytes from the front, and fails on all that is not well-formed. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  take(n: number): Uint8Array {
    if (n > this.#bytes.length - this.#at) throw new Error('cut off');
    this.#at += n;
    return this.#bytes.subarray(this.#at - n, this.#at);
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at);
  }

  uvarint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (value > maxUint64) throw new Error('over 64 bits');
      if (byte >= 0x80) continue;
      if (byte === 0 && shift > 0n) throw new Error('not minimal');
      return value;
    }
  }

  uint64(): bigint {
    return view(this.take(8)).getBigUint64(0, true);
  }

  int64(): bigint {
    return view(this.take(8)).getBigInt64(0, true);
  }

  /** A length, and so many bytes: at least min, at most max. */
  block(min: number, max: number): Uint8Array {
    const length = this.uvarint();
    if (length < min || length > max) throw new Error(`${length} bytes are not allowed here`);
    return this.take(Number(length));
  }

  text(min: number, max: number): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.block(min, max));
  }
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
