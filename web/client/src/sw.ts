// A service worker that loads the page when the server is gone. Page, client and wasm are kept together, under one
// version: a page never runs with files of another one.

/** What a build consists of. */
export interface Release {
  /** Another one for other content. */
  version: string;
  /** Paths, "/" (the page) among them; all others must have names that change with their content. */
  files: readonly string[];
}

export interface ServiceWorkerOptions extends Release {
  /** Which paths are answered with the page. Default: "/" alone. */
  isPage?: (path: string) => boolean;
}

/** The page's message that lets a new version take over. */
export interface SkipWaitingMessage {
  type: 'millpond:skip-waiting';
}

interface ExtendableEvent extends Event {
  waitUntil(promise: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface ServiceWorkerScope {
  readonly location: Location;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<SkipWaitingMessage | null>) => void): void;
}

const prefix = 'millpond-page:';

/**
 * Sets up the service worker that this is called in. Never touches /api, websockets, other origins, or anything that is
 * not of the release. A new version waits until no page of the old one is open, or a page sends SkipWaitingMessage.
 */
export function installServiceWorker({ version, files, isPage = (path) => path === '/' }: ServiceWorkerOptions): void {
  const scope = self as unknown as ServiceWorkerScope;
  const cacheName = prefix + version;
  const held = new Set(files);

  scope.addEventListener('install', (event) => event.waitUntil(fill(cacheName, files)));

  scope.addEventListener('activate', (event) => {
    event.waitUntil(dropOthers(cacheName).then(() => scope.clients.claim()));
  });

  scope.addEventListener('message', ({ data }) => {
    if (data?.type === 'millpond:skip-waiting') void scope.skipWaiting();
  });

  scope.addEventListener('fetch', (event) => {
    const { request } = event;
    const url = new URL(request.url);
    if (request.method !== 'GET' || url.origin !== scope.location.origin) return;
    if (request.mode === 'navigate') {
      // The page of this version, not the server's newest: its files are of this version too.
      if (isPage(url.pathname)) event.respondWith(answer(cacheName, '/', request));
    } else if (held.has(url.pathname)) {
      event.respondWith(answer(cacheName, url.pathname, request));
    }
  });
}

/** All or nothing: a release that lacks a file is not installed. */
async function fill(cacheName: string, files: readonly string[]): Promise<void> {
  const cache = await caches.open(cacheName);
  // The page itself is asked for anew; the others have names that change with their content.
  await cache.addAll(files.map((file) => new Request(file, { cache: file === '/' ? 'reload' : 'default' })));
}

async function dropOthers(cacheName: string): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(prefix) && name !== cacheName).map((name) => caches.delete(name)));
}

async function answer(cacheName: string, path: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(path)) ?? fetch(request); // the browser has dropped the cache
}
