// The golden vectors that the Go tests read too.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../../../testdata', `${name}.json`), 'utf8'));
}

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
