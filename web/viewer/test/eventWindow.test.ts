import { describe, expect, test } from 'vitest';
import type { EventSummary } from '../src/events.ts';
import { EventWindow } from '../src/eventWindow.ts';

/** Reads that a test lets answer when it wants. */
function manualReads() {
  const reads: { range: string; answer: () => void; fail: () => void }[] = [];
  const read = (first: number, last: number) =>
    new Promise<EventSummary[]>((resolve, reject) => {
      const rows = Array.from({ length: last - first + 1 }, (_, i) => ({ offset: first + i, type: 't', createdAt: new Date(0), preview: '' }));
      reads.push({ range: `${first}-${last}`, answer: () => resolve(rows), fail: () => reject(new Error('told to')) });
    });
  return { reads, read, ranges: () => reads.splice(0).map(({ range }) => range) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a window on events', () => {
  test('reads the pages in view, once, and tells when they are there', async () => {
    const { read, reads, ranges } = manualReads();
    const window = new EventWindow(read);
    let drawn = 0;
    window.subscribe(() => drawn++);
    window.show(60, 70, 1000);
    window.show(60, 71, 1000);
    const both = [...reads];
    expect(ranges()).toEqual(['1-64', '65-128']);
    expect(window.row(60)).toBeUndefined();
    both.forEach(({ answer }) => answer());
    await settle();
    expect([window.row(60)?.offset, window.row(70)?.offset]).toEqual([61, 71]);
    expect(drawn).toBe(2);
    window.show(0, 127, 1000);
    expect(ranges()).toEqual([]);
  });

  test('reads the last page on as the stream grows', async () => {
    const { read, reads, ranges } = manualReads();
    const window = new EventWindow(read);
    window.show(0, 9, 10);
    window.show(0, 19, 20); // while the read is on its way
    reads[0]!.answer();
    expect(ranges()).toEqual(['1-10']);
    await settle();
    reads[0]!.answer();
    expect(ranges()).toEqual(['11-20']);
    await settle();
    expect(window.row(19)?.offset).toBe(20);
  });

  test('a read that fails is tried again at the next look', async () => {
    const { read, reads, ranges } = manualReads();
    const window = new EventWindow(read);
    window.show(0, 9, 10);
    reads[0]!.fail();
    ranges();
    await settle();
    window.show(0, 9, 10);
    expect(ranges()).toEqual(['1-10']);
  });

  test('holds a bounded number of rows, those nearest to the view', async () => {
    const window = new EventWindow((first, last) =>
      Promise.resolve(Array.from({ length: last - first + 1 }, (_, i) => ({ offset: first + i, type: 't', createdAt: new Date(0), preview: '' }))),
    );
    for (let row = 0; row < 100_000; row += 64) {
      window.show(row, row + 30, 100_000);
      await settle();
    }
    expect(window.row(0)).toBeUndefined();
    expect(window.row(99_990)?.offset).toBe(99_991);
    const held = Array.from({ length: 100_000 }, (_, row) => window.row(row)).filter((row) => row !== undefined);
    expect(held.length).toBeLessThanOrEqual(32 * 64);
  });
});
