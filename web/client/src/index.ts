/**
 * A SQLite copy of server streams in the browser, shared by all tabs. Start with {@link openMirror}.
 *
 * @packageDocumentation
 */
export { ClosedError, EnvironmentError, type ErrorCode, MillpondError, RequestError, TimeoutError, WorkerError } from './errors.ts';
export { type Mirror, openMirror, type Stream } from './mirror.ts';
export { checkName, defaultNamespace, type StreamName } from './name.ts';
export type { Observable } from './observable.ts';
export type * from './state.ts';
export type * from './types.ts';
export type { Parameter, QueryResult, Value } from './wire.ts';
