// npm run build: the wasm, the pages, their compressed siblings, and a look at the sizes. With --quick, for those who
// change the Go program again and again, it compresses less and does not check sizes.

import { extname } from 'node:path';
import { readdirSync, rmSync } from 'node:fs';
import { build } from 'vite';
import { compressFolder } from './compress.js';
import { dist, web } from './paths.js';
import { buildWasm } from './wasm.js';

/** What a visitor downloads before the first query. */
const maxWasmBrotliBytes = 1_500_000;

const quick = process.argv.includes('--quick');
const start = performance.now();
const step = (what) => console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${what}`);

step('compiling the wasm');
buildWasm();
step('bundling');
for (const file of readdirSync(dist)) {
  // The placeholder stays: without it, and with a build that fails, the Go package that embeds the folder would not compile.
  if (file !== '.gitkeep') rmSync(`${dist}/${file}`, { recursive: true });
}
await build({ root: `${web}/viewer`, logLevel: 'warn' });
step('compressing');
const sizes = await compressFolder(dist, { quick });
step('done');

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(12);
console.log(`\n${'bytes'.padStart(12)}${'gzip'.padStart(12)}${'brotli'.padStart(12)}`);
for (const { file, bytes, '.gz': gz, '.br': br } of sizes) console.log(`${kilobytes(bytes)}${kilobytes(gz)}${kilobytes(br)}  ${file}`);

const wasm = sizes.filter(({ file }) => extname(file) === '.wasm');
if (wasm.length !== 2) throw new Error(`the build holds ${wasm.length} wasm files, not the program and its SQLite`);
const wasmBytes = wasm.reduce((sum, { '.br': br }) => sum + br, 0);
console.log(`${kilobytes(wasmBytes).padStart(36)}  all wasm`);
if (!quick && wasmBytes > maxWasmBrotliBytes) {
  console.error(`\nThe wasm is ${wasmBytes} bytes in brotli: over the budget of ${maxWasmBrotliBytes}. Find what has come in with "go list -deps".`);
  process.exit(1);
}
