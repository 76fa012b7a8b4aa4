import { EnvironmentError } from './errors.ts';

export interface LockEvents {
  /** The lock is held from now until it is released. */
  held(): void;
  /** The request failed, or somebody took the lock away. Not called after a release. */
  failed(error: EnvironmentError): void;
}

/** Asks for a Web Lock. The function it returns gives the lock back, or takes back a request that still waits. */
export function requestLock(locks: LockManager, name: string, events: LockEvents): () => void {
  const queue = new AbortController();
  const { promise: released, resolve: release } = withResolvers();
  locks
    .request(name, { signal: queue.signal }, () => {
      if (!queue.signal.aborted) events.held();
      return released;
    })
    .catch((cause: unknown) => {
      if (queue.signal.aborted) return; // that is the release
      const message = `the lock ${name} was refused or lost: ${String(cause)}. Reload the page.`;
      events.failed(new EnvironmentError('lock_failed', message, { cause }));
    });
  return () => {
    queue.abort();
    release();
  };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((r) => {
    resolve = r;
  });
  return { promise, resolve };
}
