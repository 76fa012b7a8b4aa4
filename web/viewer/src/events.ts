// The SQL of this page. The schema is the mirror's public one.

import type { LiveQuery, Mirror, QueryResult, StreamName } from '@millpond/client';

/** How far the copy of a stream has got. A copy is a prefix of the log without gaps, so its last offset is its count. */
export interface Head {
  /** Another one for another copy: rows of different keys have nothing to do with each other. */
  key: string;
  stream: number;
  count: number;
}

export const noHead: Head = { key: '', stream: 0, count: 0 };

export function streamHead(mirror: Mirror, { namespace, path }: StreamName): LiveQuery {
  return mirror.live('SELECT id, incarnation, "offset" FROM streams WHERE namespace = ? AND path = ?', [namespace, path]);
}

export function readHead(result: QueryResult): Head {
  const row = result.rows[0];
  if (!row) return noHead;
  const [stream, incarnation, count] = row as [number, string, number];
  return { key: `${stream}@${incarnation}`, stream, count };
}

/** One event as the list shows it. */
export interface EventSummary {
  offset: number;
  type: string;
  createdAt: Date;
  /** The beginning of the payload's JSON; empty: none. */
  preview: string;
}

const previewCharacters = 240;

/** Reads the events with first <= offset <= last. */
export async function readSummaries(mirror: Mirror, stream: number, first: number, last: number): Promise<EventSummary[]> {
  const sql = `SELECT "offset", type, created_at, substr(json(payload), 1, ${previewCharacters})
    FROM events WHERE stream_id = ? AND "offset" BETWEEN ? AND ? ORDER BY "offset"`;
  const { rows } = await mirror.query(sql, [stream, first, last]);
  return rows.map((row) => {
    const [offset, type, micros, preview] = row as [number, string, number, string | null];
    return { offset, type, createdAt: new Date(micros / 1000), preview: preview ?? '' };
  });
}

/** Reads one event as JSON text, its payload and metadata as they were written: no number loses a digit. */
export async function readEventText(mirror: Mirror, stream: number, offset: number): Promise<string> {
  const sql = `SELECT type, created_at, idempotency_key, json(payload), json(metadata), source_slug, source_version
    FROM events WHERE stream_id = ? AND "offset" = ?`;
  const { rows } = await mirror.query(sql, [stream, offset]);
  if (!rows[0]) throw new Error(`the event ${offset} is not in the mirror any longer`);
  const [type, micros, key, payload, metadata, slug, version] = rows[0] as [string, number, ...(string | null)[]];
  const fields: [string, string | null | undefined][] = [
    ['offset', String(offset)],
    ['type', JSON.stringify(type)],
    ['payload', payload],
    ['metadata', metadata],
    ['source', slug == null ? null : JSON.stringify({ processor: { slug, version } })],
    ['idempotencyKey', key == null || key === '' ? null : JSON.stringify(key)],
    ['createdAt', JSON.stringify(new Date(micros / 1000))],
  ];
  const present = fields.filter(([, value]) => value != null);
  return `{${present.map(([field, value]) => `"${field}":${value!}`).join(',')}}`;
}
