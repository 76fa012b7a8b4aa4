// The JavaScript half of package linked: it brings SQLite and a Go program together, and is not there when they run.
//
//   const sqlite = await instantiateSQLite(module, go.importObject);
//   const instance = await WebAssembly.instantiate(program, go.importObject);
//   sqlite.link(instance);
//   go.run(instance);

import { hasMultiMemory, scriptCopies, wasmCopies } from './copy.js';

// The Go functions that SQLite calls, in the order of engine.c.
const callbacks = [
  'sqlite_on_update',
  'sqlite_on_authorize',
  'sqlite_on_progress',
  'sqlite_file_open',
  'sqlite_file_delete',
  'sqlite_file_exists',
  'sqlite_file_close',
  'sqlite_file_read',
  'sqlite_file_write',
  'sqlite_file_truncate',
  'sqlite_file_sync',
  'sqlite_file_size',
  'sqlite_file_committed',
];

/**
 * Instantiates SQLite, and adds it to the imports of a Go program.
 *
 * @param {WebAssembly.Module} module sqlite.wasm
 * @param {WebAssembly.Imports} imports of the program
 * @param {{ copies?: 'wasm' | 'script' }} [options] copies: what is best here, unless it is said
 * @returns {Promise<import('./linked.js').LinkedSQLite>}
 */
export async function instantiateSQLite(module, imports, { copies = hasMultiMemory() ? 'wasm' : 'script' } = {}) {
  const { exports } = await WebAssembly.instantiate(module, { host: hostImports(() => exports.memory.buffer) });
  const copy = (copies === 'wasm' ? wasmCopies : scriptCopies)(exports.memory);
  imports.sqlite = exports;
  imports.sqlite_copy = copy.imports;
  return {
    copies,
    memory: exports.memory,
    link({ exports: program }) {
      copy.link(program.mem);
      const table = exports.__indirect_function_table;
      const first = table.grow(callbacks.length);
      callbacks.forEach((name, i) => table.set(first + i, program[name] ?? null)); // null: the program has another engine
      const code = exports.engine_link(first);
      if (code !== 0) throw new Error(`SQLite cannot be initialised: code ${code}`);
    },
  };
}

/**
 * What SQLite asks of JavaScript.
 *
 * @param {() => ArrayBuffer} getMemory
 */
function hostImports(getMemory) {
  return {
    now: () => Date.now(),
    random: (pointer, length) => {
      crypto.getRandomValues(new Uint8Array(getMemory(), pointer >>> 0, length));
    },
    local_offset: (seconds) => -60 * new Date(seconds * 1000).getTimezoneOffset(),
  };
}
