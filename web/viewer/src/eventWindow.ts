import type { Observable } from '@millpond/client';
import type { EventSummary } from './events.ts';

const pageRows = 64;
const maxPages = 32;

/**
 * The events around the visible ones, read a page at a time. Events never change, so a page is read once; the last one
 * is read on as the stream grows. Its snapshot is a number that changes when there are other rows to draw.
 */
export class EventWindow implements Observable<number> {
  readonly #read: (first: number, last: number) => Promise<EventSummary[]>;
  readonly #pages = new Map<number, EventSummary[]>();
  readonly #reading = new Set<number>();
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #count = 0;
  #first = 0;
  #last = -1;

  constructor(read: (first: number, last: number) => Promise<EventSummary[]>) {
    this.#read = read;
  }

  readonly getSnapshot = (): number => this.#version;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** The event of a row (its offset − 1), once it is read. */
  row(index: number): EventSummary | undefined {
    return this.#pages.get(Math.floor(index / pageRows))?.[index % pageRows];
  }

  /** Says which rows are visible, of how many. */
  show(first: number, last: number, count: number): void {
    this.#first = Math.floor(Math.max(first, 0) / pageRows);
    this.#last = Math.floor(Math.min(last, count - 1) / pageRows);
    this.#count = count;
    this.#readMissing();
  }

  #readMissing(): void {
    for (let page = this.#first; page <= this.#last; page++) {
      const have = this.#pages.get(page)?.length ?? 0;
      const want = Math.min(pageRows, this.#count - page * pageRows);
      if (have < want && !this.#reading.has(page)) void this.#readPage(page, have, want);
    }
  }

  async #readPage(page: number, have: number, want: number): Promise<void> {
    this.#reading.add(page);
    const start = page * pageRows;
    let rows: EventSummary[] = [];
    try {
      rows = await this.#read(start + have + 1, start + want);
    } catch {
      // The status says what is wrong; the next look at the rows reads again.
    }
    this.#reading.delete(page);
    if (rows.length === 0) return;
    this.#pages.set(page, [...(this.#pages.get(page) ?? []), ...rows]);
    this.#dropFarthest();
    this.#version++;
    for (const listener of this.#listeners) listener();
    this.#readMissing(); // the view, or the stream, has moved on meanwhile
  }

  #dropFarthest(): void {
    if (this.#pages.size <= maxPages) return;
    const middle = (this.#first + this.#last) / 2;
    const farthest = [...this.#pages.keys()].reduce((a, b) => (Math.abs(a - middle) >= Math.abs(b - middle) ? a : b));
    this.#pages.delete(farthest);
  }
}
