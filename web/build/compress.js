// Compresses the built files as far as it goes, once: the server sends them as they are.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { cache } from './paths.js';

const compressible = new Set(['.html', '.js', '.css', '.wasm', '.svg', '.json', '.webmanifest', '.txt']);

const maxCachedFiles = 100;

const levels = { thorough: { brotli: 11, gzip: 9 }, quick: { brotli: 4, gzip: 6 } };

const methods = {
  '.br': (bytes, level) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: level.brotli,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  '.gz': (bytes, level) => promisify(gzip)(bytes, { level: level.gzip }),
};

/** Puts a .br and a .gz beside each file of the folder that gains by it. Returns the sizes. zlib works in threads of its own. */
export async function compressFolder(folder, { quick = false } = {}) {
  await mkdir(cache, { recursive: true });
  const files = (await readdir(folder, { recursive: true })).filter((file) => compressible.has(extname(file)));
  const sizes = await Promise.all(files.map((file) => compressFile(folder, file, quick ? 'quick' : 'thorough')));
  await pruneCache();
  return sizes.sort((a, b) => b.bytes - a.bytes);
}

async function compressFile(folder, file, level) {
  const path = join(folder, file);
  const bytes = await readFile(path);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const sizes = { file, bytes: bytes.length };
  for (const [suffix, compress] of Object.entries(methods)) {
    const cached = join(cache, `${hash}-${level}${suffix}`);
    if (!(await exists(cached))) {
      // A build that is interrupted must not leave half a file under the name.
      await writeFile(`${cached}.${process.pid}`, await compress(bytes, levels[level]));
      await rename(`${cached}.${process.pid}`, cached);
    }
    const now = new Date();
    await utimes(cached, now, now);
    sizes[suffix] = (await stat(cached)).size;
    if (sizes[suffix] < bytes.length) await copyFile(cached, path + suffix);
  }
  return sizes;
}

/** Keeps what was used last. */
async function pruneCache() {
  const files = (await readdir(cache)).map((file) => join(cache, file));
  const used = await Promise.all(files.map(async (file) => ({ file, at: (await stat(file)).mtimeMs })));
  used.sort((a, b) => b.at - a.at);
  await Promise.all(used.slice(maxCachedFiles).map(({ file }) => rm(file)));
}

const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );
