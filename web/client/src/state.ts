// The answer of GET /api/state/{namespace}/{path}: what the server says about a stream.

/** The state of a stream, and what runs on it. */
export interface StateAnswer {
  readonly state: StreamState;
  /** Not in the answer to a dry run. */
  readonly runtime?: StreamRuntime;
}

/** What the stream's events amount to, the core ones. */
export interface StreamState {
  readonly namespace: string;
  readonly path: string;
  /** The incarnation: another one after a reset. */
  readonly createdAt: string;
  /** Of the stream's run: another one each time it is loaded and woken. */
  readonly incarnationId: string;
  readonly metadata?: Record<string, unknown>;
  readonly config?: Record<string, unknown>;
  readonly eventCount: number;
  readonly maxOffset: number;
  /** Of the streams right below, sorted. */
  readonly childPaths: readonly string[];
  readonly paused: boolean;
  readonly pauseReason?: string;
  /** By key; only those that the log records. */
  readonly connections: Readonly<Record<string, RecordedConnection>>;
  /** Outbound ones, by key. */
  readonly subscriptions?: Readonly<Record<string, OutboundSubscription>>;
  /** That have run on the stream, by slug. */
  readonly processors?: Readonly<Record<string, ProcessorContract>>;
}

/** Which side began a connection. */
export type Direction = 'inbound' | 'outbound';

/** A subscriber that the log says is there. */
export interface RecordedConnection {
  readonly direction: Direction;
  readonly subscriber?: string;
  readonly processor?: ProcessorContract;
  readonly connectedAt: string;
}

/** By which the server brings the stream's events to a processor. */
export interface OutboundSubscription {
  /** Its slug. */
  readonly processor: string;
  /** Offset of the event that configured it last. */
  readonly configuredAt: number;
  readonly anchor?: number;
}

/** What a processor is. */
export interface ProcessorContract {
  readonly slug: string;
  readonly version: string;
  /** Event types; "*" is all. */
  readonly consumes: readonly string[];
  readonly emits?: readonly string[];
}

/** What is there in the server's memory only. */
export interface StreamRuntime {
  /** Live subscriptions, by key; "#1", … without one. */
  readonly connections: Readonly<Record<string, LiveConnection>>;
  /** That are hosted, by the keys of their subscriptions. */
  readonly processors: Readonly<Record<string, ProcessorStatus>>;
}

/** A live subscription. */
export interface LiveConnection {
  readonly direction: Direction;
  readonly subscriber?: string;
  readonly processor?: ProcessorContract;
  readonly startedAt: string;
  /** Offset that it has read up to. */
  readonly cursor: number;
  readonly batches: number;
  readonly events: number;
  readonly lastDelivery?: string;
}

/** What a processor is doing. */
export type ProcessorPhase = 'starting' | 'catching-up' | 'live' | 'backing-off' | 'failed' | 'stopping' | 'unregistered';

/** How a processor that the server hosts does. */
export interface ProcessorStatus {
  /** Without a version when the server has no such processor. */
  readonly processor: { readonly slug: string; readonly version: string };
  readonly phase: ProcessorPhase;
  /** Begins with 1; another one after each failure. */
  readonly generation: number;
  /** It acts on events after this offset. */
  readonly anchor: number;
  readonly offset: number;
  /** Offset that it would begin again from. */
  readonly checkpoint: number;
  /** Events of the stream after its offset. */
  readonly lag: number;
  /** In a row. */
  readonly failures: number;
  readonly lastError?: string;
  readonly failedAt?: string;
  readonly busySince?: string;
  /** Work in the background that runs. */
  readonly background?: number;
}
