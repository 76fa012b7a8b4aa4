// The service worker, and the news that another version of the page is ready.

import type { Observable } from '@millpond/client';

let waiting: ServiceWorker | null = null;
const listeners = new Set<() => void>();

/** Whether a newer version of the page waits to be used. */
export const updateReady: Observable<boolean> = {
  getSnapshot: () => waiting !== null,
  subscribe(listener) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
};

export function registerServiceWorker(): void {
  // In development there is none: it would keep yesterday's page. Pages without https have none.
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  navigator.serviceWorker.register('/sw.js').then(watch, (error: unknown) => {
    console.warn('millpond: no service worker, so this page does not load while the server is gone:', error);
  });
}

/** Uses the newer version. The old page would run on with files that are gone, so it is loaded again. */
export function applyUpdate(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
  waiting?.postMessage({ type: 'millpond:skip-waiting' });
}

function watch(registration: ServiceWorkerRegistration): void {
  const look = () => {
    waiting = registration.waiting;
    for (const listener of listeners) listener();
  };
  look();
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', look));
}
