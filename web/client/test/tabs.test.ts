import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ClosedError } from '../src/errors.ts';
import { leaderlessAfterMs, maxRestarts, maxSends, readyTimeoutMs } from '../src/limits.ts';
import { channelName } from '../src/messages.ts';
import { FakeBrowser, settle } from './fakes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const name = { namespace: 'default', path: '/a' };

/** A browser whose mirror answers every call with who asked. */
function answeringBrowser(): FakeBrowser {
  const browser = new FakeBrowser();
  browser.serve = (worker, client, request) => {
    if ('id' in request) worker.answer(client, { id: request.id, result: `${request.method} by ${client === worker.owner ? 'leader' : 'follower'}` });
  };
  return browser;
}

describe('roles', () => {
  test('B12: the first tab leads, the second follows and uses its worker', async () => {
    const browser = answeringBrowser();
    const [first, second] = [browser.tab(), browser.tab()];
    await settle();
    expect(first.state.getSnapshot()).toEqual({ role: 'leader', attached: true, failure: undefined });
    expect(second.state.getSnapshot()).toEqual({ role: 'follower', attached: true, failure: undefined });
    expect(browser.workers).toHaveLength(1);
    await expect(first.link.call('query')).resolves.toBe('query by leader');
    await expect(second.link.call('query')).resolves.toBe('query by follower');
  });

  test('the status goes to every tab', async () => {
    const browser = new FakeBrowser();
    const tabs = [browser.tab(), browser.tab(), browser.tab()];
    await settle();
    browser.worker.answer('', { status: { connection: 'connected', epoch: 3, streams: [] } });
    await settle();
    expect(tabs.map((tab) => tab.link.status.getSnapshot().epoch)).toEqual([3, 3, 3]);
  });

  test('without locks a tab is alone', async () => {
    const browser = answeringBrowser();
    const tab = browser.tab({ withLocks: false });
    await settle();
    expect(tab.state.getSnapshot().role).toBe('leader');
    await expect(tab.link.call('query')).resolves.toBe('query by leader');
    expect(browser.locks.waiting(channelName('db'))).toBe(0);
  });

  test('B12: a follower whose leader does not answer says so, and goes on asking', async () => {
    const browser = new FakeBrowser();
    browser.readyAtOnce = false;
    browser.tab();
    await settle();
    const follower = browser.tab();
    await vi.advanceTimersByTimeAsync(leaderlessAfterMs);
    expect(follower.state.getSnapshot()).toMatchObject({ role: 'follower', attached: false, failure: { code: 'no_leader' } });
    browser.worker.ready();
    await settle();
    expect(follower.state.getSnapshot()).toEqual({ role: 'follower', attached: true, failure: undefined });
  });
});

describe('handover', () => {
  test('B12: when the leader stops, a follower leads, opens its streams again and asks again what was not answered', async () => {
    const browser = new FakeBrowser();
    const [first, second] = [browser.tab(), browser.tab()];
    await settle();
    second.link.open(name);
    second.link.live('SELECT 1', [], undefined, () => undefined);
    const append = second.link.call('append', { ...name, events: { idempotencyKey: 'k1' } });
    await settle();
    first.stop();
    await settle();

    expect(first.state.getSnapshot().role).toBe('idle');
    expect(second.state.getSnapshot()).toMatchObject({ role: 'leader', attached: true });
    expect(browser.worker.methods()).toEqual(['hello', 'open', 'live', 'append']);
    const again = browser.worker.requests[3]!;
    expect(again.request.params).toEqual({ ...name, events: { idempotencyKey: 'k1' } });
    browser.worker.answer(again.client, { id: 1, result: ['committed'] });
    await expect(append).resolves.toEqual(['committed']);
  });

  test('B12: followers that stay open again with the new leader what they had open', async () => {
    const browser = new FakeBrowser();
    const [first, , third] = [browser.tab(), browser.tab(), browser.tab()];
    await settle();
    third.link.open(name);
    await settle();
    first.stop();
    await settle();
    expect(third.state.getSnapshot()).toMatchObject({ role: 'follower', attached: true });
    expect(browser.worker.requests.filter(({ client }) => client !== browser.worker.owner).map(({ request }) => request.method)).toEqual(['hello', 'open']);
  });

  test('an answer of the leader before changes nothing', async () => {
    const browser = new FakeBrowser();
    const [first, second] = [browser.tab(), browser.tab()];
    await settle();
    const old = browser.worker;
    first.stop();
    await settle();
    second.link.receive(old.leader, JSON.stringify({ status: { connection: 'connected', epoch: 99, streams: [] } }));
    expect(second.link.status.getSnapshot().epoch).toBe(0);
  });

  test('a tab that comes back out of the back-forward cache follows, with what it had open', async () => {
    const browser = new FakeBrowser();
    const [first, second] = [browser.tab(), browser.tab()];
    await settle();
    first.link.open(name);
    first.stop();
    await settle();
    first.start();
    await settle();
    expect(second.state.getSnapshot().role).toBe('leader');
    expect(first.state.getSnapshot()).toMatchObject({ role: 'follower', attached: true });
    expect(browser.worker.requests.map(({ request }) => request.method)).toContain('open');
  });

  test('the worker learns of a follower that is gone, by its lock', async () => {
    const browser = new FakeBrowser();
    browser.tab();
    const follower = browser.tab();
    await settle();
    expect(browser.worker.left).toEqual([]);
    follower.stop();
    await settle();
    expect(browser.worker.left).toHaveLength(1);
  });
});

describe('locks', () => {
  test('B5: a tab that stops while it waits takes its request back', async () => {
    const browser = new FakeBrowser();
    const [first, second, third] = [browser.tab(), browser.tab(), browser.tab()];
    await settle();
    expect(browser.locks.waiting(channelName('db'))).toBe(3);
    second.stop();
    await settle();
    expect(browser.locks.waiting(channelName('db'))).toBe(2);
    first.stop();
    await settle();
    expect(third.state.getSnapshot().role).toBe('leader');
    expect(second.state.getSnapshot()).toEqual({ role: 'idle', attached: false, failure: undefined });
  });

  test('B5: a request that fails is in the status', async () => {
    const browser = new FakeBrowser();
    browser.locks.refuse = new DOMException('not here', 'SecurityError');
    const tab = browser.tab();
    await settle();
    expect(tab.state.getSnapshot()).toMatchObject({ attached: false, failure: { code: 'lock_failed' } });
    expect(tab.state.getSnapshot().failure?.message).toContain('not here');
  });
});

describe('crashes', () => {
  test('a worker that dies is started again, and what waits is asked again', async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    await settle();
    const query = tab.link.call('query');
    browser.worker.die();
    await settle();
    expect(tab.state.getSnapshot()).toMatchObject({ role: 'leader', attached: false, failure: { code: 'worker_crashed' } });
    await vi.advanceTimersByTimeAsync(300);
    expect(tab.state.getSnapshot()).toEqual({ role: 'leader', attached: true, failure: undefined });
    browser.worker.answer(browser.worker.owner, { id: 1, result: 'late' });
    await expect(query).resolves.toBe('late');
  });

  test('not for ever: then the tab lets another lead', async () => {
    const browser = new FakeBrowser();
    browser.readyAtOnce = false;
    const tab = browser.tab();
    await settle();
    for (let i = 0; i <= maxRestarts; i++) {
      browser.worker.die();
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(browser.workers).toHaveLength(maxRestarts + 1);
    expect(browser.workers.every((worker) => worker.terminated)).toBe(true);
    expect(tab.state.getSnapshot()).toMatchObject({ role: 'follower', attached: false, failure: { code: 'worker_crashed' } });
    await expect(tab.link.call('query')).rejects.toMatchObject({ code: 'worker_crashed' });

    browser.readyAtOnce = true;
    const other = browser.tab();
    await vi.advanceTimersByTimeAsync(1000);
    expect(other.state.getSnapshot().role).toBe('leader');
    expect(tab.state.getSnapshot()).toEqual({ role: 'follower', attached: true, failure: undefined });
  });

  test('a worker that cannot be made is said so, at once', async () => {
    const browser = new FakeBrowser();
    browser.workerFails = new Error('blocked');
    const tab = browser.tab();
    await settle();
    expect(tab.state.getSnapshot()).toMatchObject({ attached: false, failure: { code: 'no_worker' } });
    await expect(tab.link.call('query')).rejects.toMatchObject({ code: 'no_worker' });
  });

  test('no WebAssembly in the worker is not tried again', async () => {
    const browser = new FakeBrowser();
    browser.readyAtOnce = false;
    const tab = browser.tab();
    await settle();
    browser.worker.die('no_webassembly');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(browser.workers).toHaveLength(1);
    expect(tab.state.getSnapshot().failure).toMatchObject({ code: 'no_webassembly' });
  });

  test('a call that ends every worker is given up', async () => {
    const browser = new FakeBrowser();
    const poison = browser.tab();
    browser.serve = (worker, _, { method }) => {
      if (method === 'query') worker.die();
    };
    await settle();
    const query = poison.link.call('query').catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await query).toMatchObject({ code: 'worker_crashed' });
    expect(browser.workers).toHaveLength(maxSends + 1);
    expect(poison.state.getSnapshot()).toEqual({ role: 'leader', attached: true, failure: undefined });
  });
});

describe('calls', () => {
  test('B2: a call waits for a leader, not for ever', async () => {
    const browser = new FakeBrowser();
    browser.readyAtOnce = false;
    const tab = browser.tab();
    await settle();
    const early = tab.link.call('query');
    const never = tab.link.call('query').catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(readyTimeoutMs - 1);
    browser.worker.ready();
    await settle();
    browser.worker.answer(browser.worker.owner, { id: 1, result: 1 });
    await expect(early).resolves.toBe(1);

    browser.worker.die();
    await vi.advanceTimersByTimeAsync(readyTimeoutMs + 1000);
    expect(await never).toMatchObject({ code: 'no_leader' });
  });

  test('when nobody will answer any more, what waits fails at once', async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    await settle();
    const query = tab.link.call('query').catch((error: unknown) => error);
    tab.link.break(new ClosedError('the mirror'));
    expect(await query).toMatchObject({ code: 'closed' });
  });

  test('a signal cancels a call: the worker is told once, and an answer that comes later is nobody’s', async () => {
    const browser = new FakeBrowser();
    browser.serve = () => undefined;
    const tab = browser.tab();
    await settle();
    const abort = new AbortController();
    const query = tab.link.call('query', undefined, abort.signal).catch((error: unknown) => error);
    const other = tab.link.call('query', undefined, new AbortController().signal);
    await settle();
    const reason = new Error('the user has left');
    abort.abort(reason);
    expect(await query).toBe(reason);
    await settle();
    expect(browser.worker.methods()).toEqual(['hello', 'query', 'query', 'cancel']);
    browser.worker.answer(browser.worker.owner, { id: 1, result: 1 });
    browser.worker.answer(browser.worker.owner, { id: 2, result: 2 });
    await expect(other).resolves.toBe(2);
    expect(tab.link.pending).toBe(0);
    await expect(tab.link.call('query', undefined, abort.signal)).rejects.toBe(reason);
    await settle();
    expect(browser.worker.methods()).toHaveLength(4);
  });

  test('an error is an error with its code and field', async () => {
    const browser = new FakeBrowser();
    browser.serve = (worker, client, request) => {
      if ('id' in request) worker.answer(client, { id: request.id, error: { code: 'invalid_event', message: 'is required', field: 'type' } });
    };
    const tab = browser.tab();
    await settle();
    await expect(tab.link.call('append')).rejects.toMatchObject({ code: 'invalid_event', field: 'type', message: 'type: is required' });
  });

  test('B13: users of one stream share it; the last to leave closes it', async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    await settle();
    const [one, two] = [tab.link.open(name), tab.link.open(name)];
    one();
    one();
    await settle();
    expect(browser.worker.methods()).toEqual(['hello', 'open']);
    two();
    await settle();
    expect(browser.worker.methods()).toEqual(['hello', 'open', 'close']);
  });
});
