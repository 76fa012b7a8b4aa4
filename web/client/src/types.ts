// The shapes that callers see.

import type { MillpondError } from './errors.ts';
import type { Observable } from './observable.ts';
import type { QueryResult } from './wire.ts';

/** An event as a program appends it. */
export interface EventInput {
  /** 1–256 bytes; types that begin with "stream/" are the system's. */
  type: string;
  /** Any JSON value. */
  payload?: unknown;
  metadata?: Record<string, unknown>;
  source?: { processor: { slug: string; version: string } };
  /** Unique in the stream for ever: a repeat appends nothing and answers the first event. Default: a random one. */
  idempotencyKey?: string;
  /** Precondition: the offset that the event must get. */
  offset?: number;
  /** Another stream of the namespace to append it to: "/chat/42", "./below", "../beside". All events of a batch go to one. */
  stream?: string;
}

/** A committed event. */
export interface StreamEvent extends EventInput {
  /** 1-based, consecutive in its stream. */
  offset: number;
  /** RFC 3339, UTC, with nanoseconds: the server's clock, for display. */
  createdAt: string;
}

/** The part of a tab: one leads and owns the mirror, all others reach it through that one. */
export type Role = 'idle' | 'electing' | 'leader' | 'follower';

/** An error in a status. */
export interface StatusError {
  readonly code: string;
  readonly message: string;
  /** What the mirror, or its user, does about it. */
  readonly action: 'retry' | 'reauthenticate' | 'give-up';
}

/** What is wrong with the storage. Calls that the storage fails have the same codes. */
export interface StorageProblem {
  readonly code:
    | 'storage_full' // no quota, or no disk: what is there can be read, what comes is asked for again until there is room
    | 'storage_corrupt' // the database was damaged
    | 'storage_lost' // the files were cleared, deleted, cut short or closed by somebody else
    | 'storage_outdated' // the database was of another version
    | 'storage_unavailable' // there is none here, or it has failed too often: memory only
    | 'storage_low' // a warning: little room is left
    | 'storage_failed'; // reading or writing fails for another reason
  readonly message: string;
  /**
   * What is to be done: make room; nothing, because the mirror tries again, or fills itself again from the server, by itself; or
   * load the page again once the storage works.
   */
  readonly action: 'free-space' | 'retry' | 'refill' | 'open-again';
}

/** How much room there is, and whether it may be taken away. Browsers round the figures. */
export interface Space {
  /** Used by all that this site has stored. */
  readonly usageBytes: number;
  readonly quotaBytes?: number;
  /** Whether the browser may delete the data when room gets scarce; "denied": it was asked not to, and has refused. */
  readonly persistence: 'best-effort' | 'denied' | 'persisted';
}

/** What the mirror says about one of its open streams. */
export interface StreamStatus {
  readonly namespace: string;
  readonly path: string;
  readonly state: 'subscribing' | 'subscribed' | 'rebuilding' | 'failed';
  readonly incarnation?: string;
  /** Offset of the last event in the copy that queries see. */
  readonly offset: number;
  /** This copy is of a log that is not the server's any more: it stays until another one has been built. */
  readonly stale?: boolean;
  /** How far that one has got; it takes the place of this one at the offset `target`. */
  readonly rebuild?: { readonly offset: number; readonly target: number };
  /** Offset of the last event on the server, last heard. */
  readonly maxOffset: number;
  /** The log's hash at offset: equal on the server when the copy is right. */
  readonly hash: string;
  /** Why the stream failed. */
  readonly lastError?: StatusError;
  /** When a failed stream is tried again: RFC 3339. */
  readonly retryAt?: string;
}

/** How a projection of the mirror does. */
export interface ProjectionStatus {
  readonly name: string;
  /** Of the tables as they are read. */
  readonly version: string;
  /** "building": events that the mirror has already are being folded; "failed": it has stopped, and `problem` says where and why. */
  readonly state: 'current' | 'building' | 'failed';
  /** The version that is being built beside them. */
  readonly next?: string;
  /** How many events have been folded, of how many, while it is being built. */
  readonly folded?: number;
  readonly total?: number;
  readonly problem?: {
    readonly namespace: string;
    readonly path: string;
    /** Of the event that it could not fold. */
    readonly offset: number;
    /** On how many streams it has stopped; this is the first. */
    readonly streams: number;
    /** What happened, and what to do. */
    readonly message: string;
  };
}

/**
 * Tables that SQL makes of the events, in the transaction that stores them: docs/projections.md. In the statements, `:payload ->> 'name'`
 * is a member of the payload; the other parameters are `:stream_id`, `:offset`, `:local_index`, `:type`, `:created_at`, `:idempotency_key`,
 * `:source_slug`, `:source_version` and `:metadata`, as the columns of the table events.
 */
export interface SQLProjection {
  /** A lower-case letter, then letters, digits and "_". */
  name: string;
  /** Change it to have the tables made anew; a change of the statements does so by itself. Default: "1". */
  version?: string;
  /** CREATE TABLE and CREATE INDEX statements. Each table has a column stream_id. */
  schema: string | readonly string[];
  /** By event type, what an event does: INSERT, UPDATE and DELETE on these tables. Those of "*" are run for every event, and first. */
  on: Readonly<Record<string, string | readonly string[]>>;
}

/** What the mirror says about itself. */
export interface WorkerStatus {
  readonly connection: 'connecting' | 'connected' | 'reconnecting' | 'stopped' | 'offline' | 'closed';
  /** Counts the attempts to connect. */
  readonly epoch: number;
  /** Why it is not connected, or the last connection ended. */
  readonly lastError?: StatusError;
  /** "opfs" survives the page; "memory" does not. */
  readonly storage?: 'opfs' | 'memory' | 'file';
  /** What is wrong with the storage, or why it is only memory, or why the database was made anew. */
  readonly storageError?: StorageProblem;
  /** The room that the storage takes and has, measured now and then; none in memory. */
  readonly space?: Space;
  /** Identifies the database: another one after it was built again. */
  readonly replicaId?: string;
  /** When the next connection is tried: RFC 3339. */
  readonly retryAt?: string;
  /** Events that were appended here and that the server may not have yet; the table outbox has them. */
  readonly outbox?: { readonly pending: number; readonly refused: number; readonly quarantined: number };
  /** Events that were appended here and lost with a damaged database since the mirror was opened. */
  readonly appendsLost?: number;
  readonly projections?: readonly ProjectionStatus[];
  readonly streams: readonly StreamStatus[];
}

/** The state of a mirror, as this tab sees it. */
export interface MirrorStatus extends WorkerStatus {
  readonly role: Role;
  /** Whether a worker with the mirror answers this tab: its own, or that of the tab that leads. */
  readonly attached: boolean;
  /** Why none does: this page lacks something, the worker crashed, or no tab that leads answers. */
  readonly failure?: MillpondError | undefined;
}

/**
 * What a query sees in the tables of projections: "confirmed": what the server's events have made of them; "optimistic": what they would be
 * if the server had committed next what this mirror's user has appended and the server may not have yet. All other tables are the same in
 * both: what waits is in outbox, and not in events.
 */
export type View = 'confirmed' | 'optimistic';

export interface QueryOptions {
  /** Cancels the query. */
  signal?: AbortSignal;
  /** Default: "confirmed". */
  view?: View;
}

/** The newest answer of a live query; both undefined until the first. After a failure the result is the last good one. */
export interface LiveSnapshot {
  readonly result: QueryResult | undefined;
  readonly error: MillpondError | undefined;
}

/** A query that runs again when a table that it reads was written. It runs only while it has a subscriber. */
export interface LiveQuery extends Observable<LiveSnapshot> {
  /** Ends it for all subscribers. */
  close(): void;
}

/**
 * Gives the token to show to the server. It is asked before each attempt to connect, in the tab that leads, and has a minute. `fresh`:
 * the server has refused the last one, so that a kept one will not do. A failure is tried again later, but one whose `code` is
 * "unauthenticated" stops the mirror until `reconnect()`: nobody is logged in.
 */
export type Auth = (request: { fresh: boolean }) => string | Promise<string>;

export interface MirrorOptions {
  /** Base URL of the server. Default: the page's origin. */
  url?: string;
  /** Name of the database: letters, digits, "-", "_", "."; one database is one server and one user. Default: "millpond". */
  name?: string;
  /** The bearer token for the server, or how to get one. Default: none, or a cookie. */
  auth?: string | Auth;
  /**
   * How long SQLite may take on the way to the next row of a query, in milliseconds: the mirror does nothing else meanwhile.
   * What takes longer fails with "too_slow". Default: 2000.
   */
  maxQueryStepMs?: number;
  /**
   * Whether to ask the browser, once there is something to lose, to keep the data when room gets scarce. Firefox asks its user; others
   * decide by themselves. Default: true. A page that would rather choose the moment calls navigator.storage.persist() itself.
   */
  askToPersist?: boolean;
  /**
   * Tables made of the events. Those of the tab that leads count. When one is wrong the mirror does not open: `status.failure` has the
   * code "invalid_projection" and says which statement it is, and where. The tables of one that is not given any more go.
   */
  projections?: readonly SQLProjection[];
  /**
   * Whether a stream that was reset, or diverged, is replaced at once and filled before the eyes of its users. Default: the old copy is
   * seen, `stale` in the status, until the new one has come as far as the log.
   */
  showRebuild?: boolean;
  /** Where the mirror's program (millpond.wasm) is. Default: where the bundler has put it. */
  wasmURL?: string;
  /** Where its SQLite (sqlite.wasm) is. Default: where the bundler has put it. */
  sqliteURL?: string;
  /** Starts the worker, for a bundler that needs another way. Default: worker.ts of this package. */
  worker?: () => Worker;
}
