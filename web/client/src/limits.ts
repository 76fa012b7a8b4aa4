// The bounds of this package.

/** Names: the same as in the Go package. */
export const maxNamespaceBytes = 64;
export const maxPathBytes = 512;
export const maxPathSegments = 64;

/** How long a call waits for a tab that leads before it fails with `no_leader`. */
export const readyTimeoutMs = 10_000;
/** How long a call waits for its answer once it is sent. Longer than the mirror's own wait for the server. */
export const answerTimeoutMs = 60_000;
/** How often a call is sent: again to each new leader, but not for ever, for it may be what ends the leaders. */
export const maxSends = 3;
/** Calls of one tab that wait for an answer. */
export const maxPendingCalls = 1024;
/** How often a follower without an answering leader asks who leads. */
export const helloIntervalMs = 1_000;
/** After how long without an answer a follower says that nobody leads. */
export const leaderlessAfterMs = 2_000;

/** Restarts of a worker that crashed: how many in a row, and the waits between them. */
export const maxRestarts = 5;
export const firstRestartMs = 250;
export const longestRestartMs = 8_000;
/** A worker that has run for so long starts the count anew. */
export const steadyAfterMs = 30_000;
/** How long a worker may take from its start to its first word. */
export const workerStartTimeoutMs = 60_000;
