import { describe, expect, test } from 'vitest';
import { Link } from '../src/link.ts';
import type { Answer } from '../src/messages.ts';
import type { QueryResult } from '../src/wire.ts';

interface Note {
  method: string;
  params?: { live?: number };
}

/** A tab with one live query, and what it has told leaders and shown. */
function watching() {
  const sent: Note[] = [];
  const shown: (QueryResult['rows'] | string)[] = [];
  const link = new Link((_leader, text) => sent.push(JSON.parse(text) as Note));
  const stop = link.live('SELECT 1', [], undefined, (result, error) => shown.push(error ? error.code : result!.rows));
  const lives = () => sent.filter(({ method }) => method.endsWith('live')).map(({ method, params }) => `${method} ${params!.live}`);
  const receive = (leader: string, answer: Answer) => link.receive(leader, JSON.stringify(answer));
  return { link, shown, stop, lives, receive };
}

const whole = (live: number, revision: number, ...rows: unknown[][]): Answer => ({ live, revision, result: { columns: ['a'], rows } });

describe('B6: the answers of a live query', () => {
  test('are patched, one after another', () => {
    const { link, shown, lives, receive } = watching();
    link.attach('one');
    receive('one', whole(2, 1, ['a'], ['b']));
    receive('one', { live: 2, revision: 2, patch: [[1, 1], { rows: [['c']] }] });
    receive('one', { live: 2, revision: 3, error: { code: 'too_slow', message: '' } });
    receive('one', whole(2, 4, ['d']));
    expect(shown).toEqual([[['a'], ['b']], [['b'], ['c']], 'too_slow', [['d']]]);
    expect(lives()).toEqual(['live 2']);
  });

  test('are asked for anew when one is missing', () => {
    const { link, shown, lives, receive } = watching();
    link.attach('one');
    receive('one', whole(2, 1, ['a']));
    receive('one', { live: 2, revision: 3, patch: [[0, 1], { rows: [['c']] }] });
    receive('one', { live: 2, revision: 4, patch: [[0, 1]] }); // was on its way
    expect(lives()).toEqual(['live 2', 'unlive 2', 'live 3']);
    receive('one', whole(3, 1, ['a'], ['b'], ['c']));
    expect(shown).toEqual([[['a']], [['a'], ['b'], ['c']]]);
  });

  test('of a leader that was lost and is back are asked for anew: some may have gone by', () => {
    const { link, shown, lives, receive } = watching();
    link.attach('one');
    receive('one', whole(2, 1, ['a']));
    link.detach();
    receive('one', { live: 2, revision: 2, patch: [] });
    link.attach('one');
    receive('one', { live: 2, revision: 3, patch: [{ rows: [['c']] }] });
    expect(lives()).toEqual(['live 2', 'unlive 2', 'live 3']);
    receive('one', whole(3, 1, ['c']));
    expect(shown).toEqual([[['a']], [['c']]]);
  });

  test('of another leader begin anew', () => {
    const { link, shown, lives, receive, stop } = watching();
    link.attach('one');
    receive('one', whole(2, 1, ['a']));
    link.attach('two');
    receive('one', { live: 2, revision: 2, patch: [[0, 1], [0, 1]] });
    receive('two', whole(3, 1, ['b']));
    expect(shown).toEqual([[['a']], [['b']]]);
    stop();
    expect(lives()).toEqual(['live 2', 'live 3', 'unlive 3']);
  });
});
