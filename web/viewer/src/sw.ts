import { installServiceWorker, type Release } from '@millpond/client/service-worker';

// The build puts the release in place of the text.
const release = '__MILLPOND_FILES__' as unknown as Release;

installServiceWorker({ ...release, isPage: (path) => path === '/' || path.startsWith('/streams/') });
