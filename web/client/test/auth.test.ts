import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fixedToken } from '../src/auth.ts';
import { firstRestartMs } from '../src/limits.ts';
import type { Auth } from '../src/types.ts';
import { FakeBrowser, settle } from './fakes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What a worker is answered that asks once. */
async function asked(auth: Auth | undefined, fresh = false) {
  const browser = new FakeBrowser();
  browser.tab({ auth });
  await settle();
  browser.worker.ask(7, fresh);
  await settle();
  return browser.worker.tokens;
}

test('the worker is told whether there is anybody to ask', async () => {
  const browser = new FakeBrowser();
  browser.tab({ auth: () => 'x' });
  await settle();
  expect(browser.worker.auth).toBe(true);
  const without = new FakeBrowser();
  without.tab();
  await settle();
  expect(without.worker.auth).toBe(false);
});

test('a token comes at once or later', async () => {
  expect(await asked(({ fresh }) => `fresh: ${fresh}`)).toEqual([{ kind: 'token', id: 7, token: 'fresh: false' }]);
  expect(await asked(({ fresh }) => Promise.resolve(`fresh: ${fresh}`), true)).toEqual([{ kind: 'token', id: 7, token: 'fresh: true' }]);
});

test('a failure is told: one that says that nobody is logged in, apart from all others', async () => {
  const error = async (auth: Auth) => (await asked(auth))[0]?.error;
  const login = Object.assign(new Error('log in'), { code: 'unauthenticated' });
  expect(await error(() => Promise.reject(login))).toEqual({ code: 'unauthenticated', message: 'log in' });
  expect(await error(() => { throw login; })).toEqual({ code: 'unauthenticated', message: 'log in' });
  expect(await error(() => Promise.reject(new Error('offline')))).toEqual({ code: 'unavailable', message: 'offline' });
  expect(await error(() => Promise.reject(Object.assign(new Error('no'), { code: 'forbidden' })))).toMatchObject({ code: 'unavailable' });
  expect(await error(() => '')).toMatchObject({ code: 'unavailable' });
  expect(await error(() => undefined as unknown as string)).toMatchObject({ code: 'unavailable' });
});

test('a fixed token is given once, and is the only one', async () => {
  expect(await asked(fixedToken('secret'))).toEqual([{ kind: 'token', id: 7, token: 'secret' }]);
  expect(await asked(fixedToken('secret'), true)).toMatchObject([{ token: '', error: { code: 'unauthenticated' } }]);
});

test('only the tab that leads is asked, and no token goes over the channel', async () => {
  const browser = new FakeBrowser();
  const calls: string[] = [];
  const first = browser.tab({ auth: () => (calls.push('first'), 'secret-1') });
  browser.tab({ auth: () => (calls.push('second'), 'secret-2') });
  await settle();
  browser.worker.ask(1);
  await settle();
  expect(calls).toEqual(['first']);
  first.stop();
  await settle();
  browser.worker.ask(2);
  await settle();
  expect(calls).toEqual(['first', 'second']);
  expect(browser.worker.tokens).toEqual([{ kind: 'token', id: 2, token: 'secret-2' }]);
  expect(JSON.stringify(browser.hub.log)).not.toContain('secret');
});

test('an answer that comes late does not reach the next worker', async () => {
  const browser = new FakeBrowser();
  let give: ((token: string) => void) | undefined;
  browser.tab({ auth: () => new Promise((resolve) => (give = resolve)) });
  await settle();
  browser.worker.ask(1);
  await settle();
  browser.worker.die();
  await vi.advanceTimersByTimeAsync(firstRestartMs);
  await settle();
  give?.('late');
  await settle();
  expect(browser.workers).toHaveLength(2);
  expect(browser.worker.tokens).toEqual([]);
});
