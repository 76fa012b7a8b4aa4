import type { Observable } from '@millpond/client';
import { useSyncExternalStore } from 'react';

/** The value now; the component is drawn again when it is another one. */
export function useObservable<T>({ subscribe, getSnapshot }: Observable<T>): T {
  return useSyncExternalStore(subscribe, getSnapshot);
}
