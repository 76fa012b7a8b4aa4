import { describe, expect, test } from 'vitest';
import { parseEvents } from '../src/compose.ts';

describe('what was typed', () => {
  test('is one event, or several', () => {
    expect(parseEvents(' {"type":"a"} ')).toEqual({ type: 'a' });
    expect(parseEvents('[{"type":"a"},{"type":"b"}]')).toEqual([{ type: 'a' }, { type: 'b' }]);
  });

  test.each([
    ['', 'write an event'],
    ['{"type":', 'not valid JSON'],
    ['7', '7 is not an event'],
    ['[{"type":"a"},null]', 'null is not an event'],
    ['[["a"]]', '["a"] is not an event'],
    ['{"type":"a","payload":[{"n":9007199254740993}]}', 'cannot be kept exactly'],
    ['{"type":"a","payload":1e400}', 'cannot be kept exactly'],
  ])('%s is explained', (text, want) => {
    expect(() => parseEvents(text)).toThrow(want);
  });
});
