import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { installServiceWorker } from '../src/sw.ts';

type Listener = (event: object) => void;

/** A service worker's global scope with its caches, on a server that can go away. */
class FakeScope {
  readonly listeners = new Map<string, Listener>();
  readonly caches = new Map<string, Map<string, string>>();
  readonly location = { origin: 'https://host' };
  readonly clients = { claim: () => Promise.resolve() };
  skipped = false;
  online = true;
  fetched: string[] = [];

  addEventListener = (type: string, listener: Listener) => void this.listeners.set(type, listener);
  skipWaiting = () => Promise.resolve(void (this.skipped = true));

  fetch = (request: string | { url: string }): Promise<string> => {
    const url = typeof request === 'string' ? request : request.url;
    this.fetched.push(url);
    return this.online ? Promise.resolve(`network ${url}`) : Promise.reject(new TypeError('offline'));
  };

  cacheStorage = {
    open: (name: string) => {
      const entries = this.caches.get(name) ?? new Map<string, string>();
      this.caches.set(name, entries);
      return Promise.resolve({
        addAll: async (requests: { url: string }[]) => {
          const answers = await Promise.all(requests.map(({ url }) => this.fetch(url)));
          requests.forEach(({ url }, i) => entries.set(url, answers[i]!));
        },
        match: (path: string) => Promise.resolve(entries.get(path)),
      });
    },
    keys: () => Promise.resolve([...this.caches.keys()]),
    delete: (name: string) => Promise.resolve(this.caches.delete(name)),
  };

  async run(type: 'install' | 'activate'): Promise<void> {
    let work: Promise<unknown> = Promise.resolve();
    this.listeners.get(type)?.({ waitUntil: (promise: Promise<unknown>) => (work = promise) });
    await work;
  }

  /** What a request is answered with; undefined: the worker leaves it to the browser. */
  async ask(url: string, { mode = 'cors', method = 'GET' } = {}): Promise<string | undefined> {
    let answer: Promise<string> | undefined;
    const request = { url: new URL(url, this.location.origin).href, mode, method };
    this.listeners.get('fetch')?.({ request, respondWith: (promise: Promise<string>) => (answer = promise) });
    return answer;
  }
}

let scope: FakeScope;

beforeEach(() => {
  scope = new FakeScope();
  vi.stubGlobal('self', scope);
  vi.stubGlobal('caches', scope.cacheStorage);
  vi.stubGlobal('fetch', scope.fetch);
  vi.stubGlobal('Request', class {
    constructor(readonly url: string, readonly init: RequestInit) {}
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const files = ['/', '/assets/index-1.js', '/assets/mirror-1.wasm'];
const isPage = (path: string) => path === '/' || path.startsWith('/streams/');

describe('a service worker', () => {
  test('B15: serves its page and files while the server is gone', async () => {
    installServiceWorker({ version: '1', files, isPage });
    await scope.run('install');
    scope.online = false;
    expect(await scope.ask('/streams/a?namespace=b', { mode: 'navigate' })).toBe('network /');
    expect(await scope.ask('/assets/mirror-1.wasm')).toBe('network /assets/mirror-1.wasm');
  });

  test('leaves all else to the browser', async () => {
    installServiceWorker({ version: '1', files, isPage });
    await scope.run('install');
    expect(await scope.ask('/api/state/default/a')).toBeUndefined();
    expect(await scope.ask('/api/state/default/a', { mode: 'navigate' })).toBeUndefined();
    expect(await scope.ask('/assets/index-2.js')).toBeUndefined();
    expect(await scope.ask('https://elsewhere/assets/index-1.js')).toBeUndefined();
    expect(await scope.ask('/', { method: 'POST' })).toBeUndefined();
  });

  test('is not installed when a file is missing', async () => {
    installServiceWorker({ version: '1', files });
    scope.online = false;
    await expect(scope.run('install')).rejects.toThrow('offline');
  });

  test('waits; taking over, it drops the files of other versions, and nothing else', async () => {
    scope.caches.set('millpond-page:0', new Map());
    scope.caches.set('of-another-app', new Map());
    installServiceWorker({ version: '1', files });
    await scope.run('install');
    expect(scope.skipped).toBe(false);
    expect([...scope.caches.keys()]).toContain('millpond-page:0');
    scope.listeners.get('message')?.({ data: { type: 'millpond:skip-waiting' } });
    expect(scope.skipped).toBe(true);
    await scope.run('activate');
    expect([...scope.caches.keys()]).toEqual(['of-another-app', 'millpond-page:1']);
  });

  test('asks the server for what the browser has dropped from the cache', async () => {
    installServiceWorker({ version: '1', files });
    expect(await scope.ask('/assets/index-1.js')).toBe('network https://host/assets/index-1.js');
  });
});
