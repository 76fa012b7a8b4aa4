import { describe, expect, test } from 'vitest';
import { formatJSON, formatTime } from '../src/format.ts';

describe('JSON', () => {
  test.each([
    ['{"a":1}', '{\n  "a": 1\n}'],
    ['[1,[2,{}],[]]', '[\n  1,\n  [\n    2,\n    {}\n  ],\n  []\n]'],
    ['"a, b: {c}"', '"a, b: {c}"'],
    ['{"a\\"b":"\\\\"}', '{\n  "a\\"b": "\\\\"\n}'],
    ['{}', '{}'],
    ['null', 'null'],
    [' { "a" : [ ] } ', '{\n  "a": []\n}'],
  ])('%s', (text, want) => {
    expect(formatJSON(text)).toBe(want);
  });

  test('numbers keep every digit and their spelling', () => {
    expect(formatJSON('[12345678901234567890,2.50,1e400,-0]')).toBe('[\n  12345678901234567890,\n  2.50,\n  1e400,\n  -0\n]');
  });

  test('says the same as before', () => {
    const value = { a: [1, { b: [] }, 'x, {y}'], c: { d: null, 'e:f': [[], {}] }, g: '"\\' };
    expect(formatJSON(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
  });
});

test('times are of the day, for events of today', () => {
  const now = new Date(2026, 2, 1, 12);
  expect(formatTime(new Date(2026, 2, 1, 9, 5, 7, 89), now)).toBe('09:05:07.089');
  expect(formatTime(new Date(2026, 1, 28, 9, 5, 7, 89), now)).toContain('2026');
});
