#!/usr/bin/env -S node --stack-size=8192
// Runs a GOOS=js program that has package sqlite or opfs in it, in Node. There is no OPFS: Open answers ErrUnavailable.
//
//   GOOS=js GOARCH=wasm go test -exec "$PWD/mirror/opfs/node.mjs" ./mirror/sqlite
//
// SQLITE_COPIES=script (or wasm) in the environment says how bytes go to SQLite and back: what is best here by default.
// SQLITE_WASM is another sqlite.wasm.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { instantiateSQLite } from '../sqlite/linked/linked.js';
import { opfsImports } from './opfs.js';

const goroot = execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim();
Object.assign(globalThis, { fs, path });
await import(path.join(goroot, 'lib/wasm/wasm_exec.js'));

const file = (relative) => new URL(relative, import.meta.url);
const [program, ...args] = process.argv.slice(2);
const go = new Go();
go.argv = [program, ...args];
go.env = { TMPDIR: '/tmp', ...process.env };
go.exit = process.exit;
let instance;
go.importObject.opfs = opfsImports(() => instance.exports.mem.buffer);
const sqliteModule = new WebAssembly.Module(fs.readFileSync(process.env.SQLITE_WASM ?? file('../sqlite/linked/sqlite.wasm')));
const sqlite = await instantiateSQLite(sqliteModule, go.importObject, { copies: process.env.SQLITE_COPIES });
({ instance } = await WebAssembly.instantiate(fs.readFileSync(program), go.importObject));
sqlite.link(instance);
globalThis.linkedSQLite = sqlite; // for tests that measure it
// Node ends when nothing is left to wait for. That the program has not ended by then is a deadlock, for Go to report.
process.on('exit', (code) => {
  if (code === 0 && !go.exited) {
    go._pendingEvent = { id: 0 };
    go._resume();
  }
});
await go.run(instance);
