import react from '@vitejs/plugin-react';
import { resolve } from 'node:path';
import { defineConfig } from 'vite';
import { serviceWorkerFiles } from '../build/service-worker.js';

const server = process.env.MILLPOND_SERVER ?? 'http://localhost:8080';

export default defineConfig({
  plugins: [react(), serviceWorkerFiles()],
  build: {
    outDir: resolve(import.meta.dirname, '../dist'),
    emptyOutDir: false, // build.js does, and keeps the placeholder
    assetsInlineLimit: 0, // the Content-Security-Policy allows no data: URLs for scripts
    modulePreload: { polyfill: false },
    target: 'es2023',
    rolldownOptions: {
      input: { index: resolve(import.meta.dirname, 'index.html'), sw: resolve(import.meta.dirname, 'src/sw.ts') },
      // The service worker keeps its name: its URL is its identity.
      output: { entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
  worker: { format: 'es' },
  server: {
    fs: { allow: [resolve(import.meta.dirname, '../..')] },
    proxy: { '/api': { target: server, ws: true, changeOrigin: true, rewriteWsOrigin: true }, '/healthz': server },
  },
});
