import type { MillpondError } from './errors.ts';
import { Cell } from './observable.ts';
import type { LiveQuery, LiveSnapshot } from './types.ts';
import type { QueryResult } from './wire.ts';

type Run = (notify: (result: QueryResult | undefined, error: MillpondError | undefined) => void) => () => void;

/** A live query: it runs from its first subscriber to its last. */
export class Live implements LiveQuery {
  readonly #snapshot = new Cell<LiveSnapshot>({ result: undefined, error: undefined });
  readonly #run: Run;
  #stop: (() => void) | undefined;
  #closed = false;

  constructor(run: Run) {
    this.#run = run;
  }

  readonly getSnapshot = (): LiveSnapshot => this.#snapshot.getSnapshot();

  readonly subscribe = (listener: () => void): (() => void) => {
    const unsubscribe = this.#snapshot.subscribe(listener);
    if (!this.#closed) this.#stop ??= this.#run((result, error) => this.#take(result, error));
    return () => {
      unsubscribe();
      if (this.#snapshot.listeners === 0) this.#end();
    };
  };

  close(): void {
    this.#closed = true;
    this.#end();
  }

  #take(result: QueryResult | undefined, error: MillpondError | undefined): void {
    if (!this.#stop) return;
    this.#snapshot.set({ result: result ?? this.getSnapshot().result, error });
  }

  #end(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
