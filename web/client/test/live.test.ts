import { describe, expect, test, vi } from 'vitest';
import { Live } from '../src/live.ts';
import type { MillpondError } from '../src/errors.ts';
import type { QueryResult } from '../src/wire.ts';

const result: QueryResult = { columns: ['n'], rows: [[1]] };

type Notify = (result: QueryResult | undefined, error: MillpondError | undefined) => void;

function counted() {
  const runs = { started: 0, running: 0, notify: undefined as Notify | undefined };
  const live = new Live((notify) => {
    runs.started++;
    runs.running++;
    runs.notify = notify;
    return () => {
      runs.running--;
    };
  });
  return { runs, live };
}

describe('a live query', () => {
  test('B6: runs from the first subscriber to the last', () => {
    const { runs, live } = counted();
    expect(runs.started).toBe(0);
    const [one, two] = [live.subscribe(() => undefined), live.subscribe(() => undefined)];
    expect(runs).toMatchObject({ started: 1, running: 1 });
    one();
    expect(runs.running).toBe(1);
    two();
    expect(runs.running).toBe(0);
    live.subscribe(() => undefined);
    expect(runs).toMatchObject({ started: 2, running: 1 });
  });

  test('keeps its snapshot until there is another one', () => {
    const { runs, live } = counted();
    const listener = vi.fn();
    live.subscribe(listener);
    runs.notify?.(result, undefined);
    const snapshot = live.getSnapshot();
    expect(snapshot).toEqual({ result, error: undefined });
    expect(live.getSnapshot()).toBe(snapshot);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test('closed, it says nothing more and does not start again', () => {
    const { runs, live } = counted();
    const listener = vi.fn();
    live.subscribe(listener);
    live.close();
    runs.notify?.(result, undefined);
    live.subscribe(listener);
    expect(listener).not.toHaveBeenCalled();
    expect(runs).toMatchObject({ started: 1, running: 0 });
  });
});
