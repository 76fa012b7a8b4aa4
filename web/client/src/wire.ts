// How values cross between JavaScript and the mirror, as JSON. Numbers beyond ±2^53 and blobs are objects with one
// key: {"$int":"9007199254740993"} and {"$blob":"base64"}; a cell of a result is never an object otherwise.

import { RequestError } from './errors.ts';

/** A value of SQLite. Integers are numbers where these hold them exactly, else bigints. */
export type Value = null | number | bigint | string | Uint8Array;

/** What a query takes for `?`, in order. Booleans become 0 and 1. */
export type Parameter = Value | boolean;

/** The rows of a query. */
export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

type Cell = null | number | string | { $int: string } | { $blob: string };

type Row = readonly Value[];

/** What makes a result of the one before: rows of that one, and rows that it does not have. */
export type Patch = readonly (readonly [from: number, count: number] | { readonly rows: (Cell | Value)[][] })[];

/** Revives the special cells of a result, in place. */
export function decodeResult(raw: unknown): QueryResult {
  const result = raw as { columns: string[]; rows: (Cell | Value)[][] };
  decodeRows(result.rows);
  return result as unknown as QueryResult;
}

/** Makes the next result of one. A row that both have is the same array in both. */
export function applyPatch(from: QueryResult, patch: Patch): QueryResult {
  const rows: Row[] = [];
  for (const piece of patch) {
    const more = 'rows' in piece ? decodeRows(piece.rows) : from.rows.slice(piece[0], piece[0] + piece[1]);
    for (const row of more) rows.push(row);
  }
  return { columns: from.columns, rows };
}

function decodeRows(rows: (Cell | Value)[][]): Row[] {
  for (const row of rows) {
    for (let i = 0; i < row.length; i++) {
      const cell = row[i];
      if (typeof cell === 'object' && cell !== null) row[i] = decodeSpecial(cell);
    }
  }
  return rows as Row[];
}

function decodeSpecial(cell: object): Value {
  if ('$int' in cell) return BigInt(cell.$int as string);
  if ('$blob' in cell) return decodeBase64(cell.$blob as string);
  throw new RequestError('internal', 'the mirror sent a cell of an unknown kind: page and worker are of different versions');
}

/** Makes parameters ready for JSON. */
export function encodeParameters(parameters: readonly Parameter[]): unknown[] {
  return parameters.map((value, i) => {
    switch (typeof value) {
      case 'bigint':
        return { $int: value.toString() };
      case 'boolean':
        return value ? 1 : 0;
      case 'number':
        if (Number.isFinite(value)) return value;
        break;
      case 'string':
        return value;
      case 'object':
        if (value === null) return null;
        if (value instanceof Uint8Array) return { $blob: encodeBase64(value) };
        break;
    }
    const field = `params[${i}]`;
    throw new RequestError('invalid_request', `${field} must be null, a finite number, bigint, boolean, string or Uint8Array`, { field });
  });
}

function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
