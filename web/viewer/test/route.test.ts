import { expect, test } from 'vitest';
import { addressOf, nameOf } from '../src/route.ts';

test.each([
  [{ namespace: 'default', path: '/' }, '/streams/'],
  [{ namespace: 'default', path: '/chat/42' }, '/streams/chat/42'],
  [{ namespace: 'team-a', path: '/x' }, '/streams/x?namespace=team-a'],
])('%o', (name, address) => {
  expect(addressOf(name)).toBe(address);
  expect(nameOf(new URL(address, 'http://server'))).toEqual(name);
});

test('other addresses name no stream', () => {
  expect(nameOf(new URL('http://server/'))).toBeUndefined();
  expect(nameOf(new URL('http://server/streamsx'))).toBeUndefined();
});

test('what is not a name is still shown as it was written', () => {
  expect(nameOf(new URL('http://server/streams/A%20b/%zz'))?.path).toBe('/A%20b/%zz');
  expect(nameOf(new URL('http://server/streams/A%20b'))?.path).toBe('/A b');
});
