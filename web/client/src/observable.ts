/** A value that can be read at any time and tells its listeners when it was replaced: the shape React's useSyncExternalStore takes. Its functions may be handed on without it. */
export interface Observable<T> {
  readonly getSnapshot: () => T;
  /** Calls listener after each change, until the function it returns is called. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** An Observable that its owner sets. */
export class Cell<T> implements Observable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly getSnapshot = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    // A function of its own, so that the same listener may subscribe twice.
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  get listeners(): number {
    return this.#listeners.size;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    // A listener that throws must not keep the news from the others.
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
