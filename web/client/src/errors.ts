// Errors. Each has a `code` that programs branch on, and a message that says what happened and what to do.

/** What the codes of a {@link MillpondError} can be. The first group is the server's; docs/protocol.md lists it. */
export type ErrorCode =
  | 'invalid_request'
  | 'invalid_event'
  | 'invalid_name'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'offset_conflict'
  | 'incarnation_conflict'
  | 'stream_paused'
  | 'event_too_large'
  | 'rate_limited'
  | 'unavailable'
  | 'internal'
  // of the mirror
  | 'invalid_sql' // the statement does not compile, failed, or would write
  | 'too_large' // the result is over its limit: use LIMIT
  | 'invalid_projection' // of openMirror: the message says which statement is wrong, and where
  | 'too_slow' // the next row takes longer than maxQueryStepMs: add an index, or use LIMIT
  | 'storage_full' // and others of StorageProblem
  | 'storage_corrupt'
  | 'storage_lost'
  | 'storage_failed'
  | 'appends_lost' // the append was in a part of the database that was damaged
  // of the browser
  | 'no_webassembly'
  | 'no_worker'
  | 'wasm_fetch_failed'
  | 'worker_crashed'
  | 'lock_failed'
  // of this client
  | 'no_leader' // no tab that holds the mirror answers
  | 'timeout'
  | 'closed'
  | (string & {});

/** The base of every error of this package. */
export class MillpondError extends Error {
  override readonly name: string = 'MillpondError';
  readonly code: ErrorCode;
  /** The field at fault, such as "[2].type". */
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, options: { field?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
  }
}

/** A request was refused or failed, in the mirror or on the server. */
export class RequestError extends MillpondError {
  override readonly name = 'RequestError';
}

/** Makes the error of what the mirror's program answered. */
export function requestError({ code, message, field }: { code: string; message: string; field?: string }): RequestError {
  return new RequestError(code, field ? `${field}: ${message}` : message, { field });
}

/** This browser, or this page, lacks what a mirror needs. Trying again does not help. */
export class EnvironmentError extends MillpondError {
  override readonly name = 'EnvironmentError';
}

/** The worker that holds the mirror did not start, or ended. */
export class WorkerError extends MillpondError {
  override readonly name = 'WorkerError';
}

/** No answer within the time allowed. Whether an append was done is not known: its idempotency key makes it safe to repeat. */
export class TimeoutError extends MillpondError {
  override readonly name = 'TimeoutError';
}

/** The mirror, or the stream's handle, was closed. */
export class ClosedError extends MillpondError {
  override readonly name = 'ClosedError';

  constructor(what: string) {
    super('closed', `${what} is closed: open it again`);
  }
}
