// Builds the mirror's program, and takes wasm_exec.js from the Go release that compiled it.

import { execFileSync } from 'node:child_process';
import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { clientWasm, repository } from './paths.js';

// Packages of Go that run seldom in the worker. Without inlining the program is 26 KB smaller to download; what runs often is not here.
const seldom = ['context', 'fmt', 'internal/poll', 'log', 'log/slog', 'net/netip', 'net/url', 'os', 'syscall', 'time', 'unique'];

export function buildWasm() {
  const out = join(clientWasm, 'millpond.wasm');
  const env = { ...process.env, GOOS: 'js', GOARCH: 'wasm' };
  execFileSync('go', ['build', '-trimpath', ...seldom.map((name) => `-gcflags=${name}=-l`), '-ldflags=-s -w', '-o', out, './wasm'], { cwd: repository, env, stdio: 'inherit' });
  const goroot = execFileSync('go', ['env', 'GOROOT'], { cwd: repository, encoding: 'utf8' }).trim();
  copyFileSync(join(goroot, 'lib', 'wasm', 'wasm_exec.js'), join(clientWasm, 'wasm_exec.js'));
  return statSync(out).size;
}

if (import.meta.filename === process.argv[1]) buildWasm();
