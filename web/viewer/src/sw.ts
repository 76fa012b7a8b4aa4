import { installServiceWorker, type Release } from '@millpond/client/service-worker';

/** The build puts the release in its place. */
declare const __MILLPOND_RELEASE__: Release;

installServiceWorker({ ...__MILLPOND_RELEASE__, isPage: (path) => path === '/' || path.startsWith('/streams/') });
