import { join, resolve } from 'node:path';

export const web = resolve(import.meta.dirname, '..');
export const repository = resolve(web, '..');
export const dist = join(web, 'dist');
export const clientWasm = join(web, 'client', 'wasm');
/** Compressed files by the hash of their content, so that a rebuild compresses only what has changed. */
export const cache = join(web, '.cache');
