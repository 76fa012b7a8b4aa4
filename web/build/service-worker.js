// A Vite plugin that tells the service worker which files make up the page, and what version they are together.

import { createHash } from 'node:crypto';

const placeholder = '__MILLPOND_RELEASE__';

/** @returns {import('vite').Plugin} */
export function serviceWorkerFiles() {
  return {
    name: 'millpond:service-worker-files',
    apply: 'build',
    generateBundle: {
      order: 'post', // when all other files have their final names
      handler(_, bundle) {
        const worker = bundle['sw.js'];
        if (worker?.type !== 'chunk') this.error('sw.js is not part of the build');
        if (worker.imports.length > 0) this.error('sw.js must stand alone: it is not loaded as a module');
        const hash = createHash('sha256');
        const files = [];
        for (const [name, file] of Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1))) {
          if (name === 'sw.js') continue;
          hash.update(name).update(file.type === 'chunk' ? file.code : file.source);
          files.push(name === 'index.html' ? '/' : `/${name}`);
        }
        if (!files.includes('/') || files.filter((name) => name.endsWith('.wasm')).length !== 2) this.error(`files are missing: ${files.join(' ')}`);
        const text = JSON.stringify({ version: hash.digest('hex').slice(0, 16), files });
        if (!worker.code.includes(placeholder)) this.error(`sw.js does not hold ${placeholder}`);
        worker.code = worker.code.replace(placeholder, text);
      },
    },
  };
}
