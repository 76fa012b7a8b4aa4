// Which stream the address names: /streams/chat/42 is the path /chat/42, and ?namespace= another namespace than the default.

import { defaultNamespace, type Observable, type StreamName } from '@millpond/client';

const base = '/streams';

/** The address of a stream's page. */
export function addressOf({ namespace, path }: StreamName): string {
  const query = namespace === defaultNamespace ? '' : `?${new URLSearchParams({ namespace }).toString()}`;
  return base + path + query;
}

/** The name in an address. It need not be valid. Undefined: no stream's address. */
export function nameOf(url: URL): StreamName | undefined {
  if (!url.pathname.startsWith(`${base}/`)) return undefined;
  return { namespace: url.searchParams.get('namespace') ?? defaultNamespace, path: decode(url.pathname.slice(base.length)) };
}

/** The address of the page, as it changes. */
export const address: Observable<string> = {
  getSnapshot: () => location.href,
  subscribe(listener) {
    addEventListener('popstate', listener);
    return () => removeEventListener('popstate', listener);
  },
};

export function goTo(name: StreamName, { replace = false } = {}): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', addressOf(name));
  dispatchEvent(new PopStateEvent('popstate'));
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // not an encoding: the name's rules will say so
  }
}
