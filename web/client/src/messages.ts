// The messages between tabs and workers. A tab speaks to its own worker by postMessage and to another tab's worker
// over the BroadcastChannel, in the same words. Requests and answers are JSON text all the way: only the mirror's
// program and the tab that asked parse them.

import type { SQLProjection, WorkerStatus } from './types.ts';
import type { Patch } from './wire.ts';

/** Names the lock and the channel; the version changes whenever the messages or the database do. */
export const channelName = (mirror: string): string => `millpond:v1:${mirror}`;
/** The lock that a tab holds while it lives, so that the worker learns of its end without a heartbeat. */
export const clientLockName = (mirror: string, client: string): string => `${channelName(mirror)}:client:${client}`;

/** `leader` is the id of one run of a worker, `client` that of one life of a tab. */
export type Message =
  | { kind: 'hello'; client: string } //                    tab: who leads?
  | { kind: 'bye'; client: string } //                      tab: forget me
  | { kind: 'request'; leader: string; client: string; text: string }
  | { kind: 'starting'; leader: string } //                 the tab with the lock: a worker is on its way
  | { kind: 'leading'; leader: string } //                  worker: I take requests
  | { kind: 'answer'; leader: string; client: string; text: string }; // client "": for every tab

/** Where what the worker runs is, if it is elsewhere than the bundler has put it. */
export interface WasmURLs {
  program?: string | undefined;
  sqlite?: string | undefined;
}

/** What a tab tells its own worker first. */
export interface StartMessage {
  kind: 'start';
  leader: string;
  client: string;
  options: { url: string; name: string; auth: boolean; maxQueryStepMs?: number | undefined; showRebuild?: boolean | undefined; projections?: readonly SQLProjection[] | undefined };
  urls: WasmURLs;
}

/** What a worker asks its own tab, and no other. */
export interface TokenRequest {
  kind: 'get-token';
  id: number;
  fresh: boolean;
}

/** What a tab answers its own worker: the token, or why there is none. */
export interface TokenMessage {
  kind: 'token';
  id: number;
  token: string;
  error?: { code: string; message: string };
}

/** A worker asks its own tab to have the data kept when room gets scarce: only pages can. */
export interface PersistRequest {
  kind: 'ask-to-persist';
}

/** What the browser, or its user, has answered to that. */
export interface PersistMessage {
  kind: 'persist';
  granted: boolean;
}

/** What a worker tells its own tab before it ends. */
export interface FatalMessage {
  kind: 'fatal';
  code: 'no_webassembly' | 'wasm_fetch_failed' | 'worker_crashed' | 'invalid_projection';
  message: string;
}

/** The text of a request. One without an id is a note: it has no answer of its own. */
export type Request = { id: number; method: CallMethod; params?: unknown } | { method: NoteMethod; params?: unknown };

export type CallMethod = 'append' | 'query' | 'reconnect' | 'retryProjection';
/** Notes say what a tab has open; repeating one changes nothing. "hello" is answered with the status. */
export type NoteMethod = 'hello' | 'open' | 'close' | 'live' | 'unlive' | 'cancel';

/** The text of an answer: to a request, of a live query, or the status. */
export interface Answer {
  id?: number;
  live?: number;
  /** Of a live query: 1, 2, 3, … from one leader. */
  revision?: number;
  /** Makes the live query's result of that of the revision before. */
  patch?: Patch;
  status?: WorkerStatus;
  result?: unknown;
  error?: { code: string; message: string; field?: string };
}

/** A random id. Not randomUUID, which pages without https lack. */
export function randomID(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
