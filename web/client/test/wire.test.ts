import { describe, expect, test } from 'vitest';
import { applyPatch, decodeResult, encodeParameters } from '../src/wire.ts';

describe('results', () => {
  test('integers beyond 2^53 and blobs are revived', () => {
    const result = decodeResult({
      columns: ['a', 'b', 'c', 'd', 'e'],
      rows: [
        [{ $int: '9007199254740993' }, { $int: '-9223372036854775808' }, { $blob: '' }, { $blob: 'AP+A' }, null],
        [1, -1.5, '{"$int":"1"}', '', 0],
      ],
    });
    expect(result.rows).toEqual([
      [9007199254740993n, -9223372036854775808n, new Uint8Array(), Uint8Array.of(0, 255, 128), null],
      [1, -1.5, '{"$int":"1"}', '', 0],
    ]);
  });

  test('a cell of an unknown kind is an error', () => {
    expect(() => decodeResult({ columns: ['a'], rows: [[{ $date: 0 }]] })).toThrow(/unknown kind/);
  });
});

describe('patches', () => {
  const from = { columns: ['a'], rows: [['a'], ['b'], ['c']] };

  test('B6: keep the rows that both results have, and revive the new ones', () => {
    const to = applyPatch(from, [[2, 1], { rows: [[{ $int: '9007199254740993' }], [null]] }, [0, 2]]);
    expect(to).toEqual({ columns: ['a'], rows: [['c'], [9007199254740993n], [null], ['a'], ['b']] });
    expect(to.rows[0]).toBe(from.rows[2]);
    expect(to.rows[4]).toBe(from.rows[1]);
    expect(from.rows).toHaveLength(3);
  });

  test('an empty one empties', () => {
    expect(applyPatch(from, [])).toEqual({ columns: ['a'], rows: [] });
  });
});

describe('parameters', () => {
  test('are encoded as the mirror reads them', () => {
    const parameters = [null, 1, -1.5, 2n ** 62n, true, false, 'x', Uint8Array.of(0, 255, 128)];
    expect(encodeParameters(parameters)).toEqual([null, 1, -1.5, { $int: '4611686018427387904' }, 1, 0, 'x', { $blob: 'AP+A' }]);
  });

  test.each([NaN, Infinity, undefined, [], {}, new Date(0)])('%o is refused, and named', (value) => {
    expect(() => encodeParameters([1, value as never])).toThrow(expect.objectContaining({ code: 'invalid_request', field: 'params[1]' }));
  });
});
