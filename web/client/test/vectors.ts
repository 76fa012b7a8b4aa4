// The golden vectors that the Go tests read too.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../../../testdata', `${name}.json`), 'utf8')) as T;
}

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
