import './wasm_exec.js';
import { instantiateSQLite } from './linked.js';
import { opfsImports } from './opfs.js';

const decoder = new TextDecoder();
globalThis.fs.writeSync = (_fd, bytes) => {
  postMessage({ text: decoder.decode(bytes, { stream: true }) });
  return bytes.length;
};

onmessage = async ({ data: { args, copies } }) => {
  try {
    const go = new Go();
    go.argv = ['test', ...args];
    go.exit = (code) => postMessage({ code });
    let instance;
    go.importObject.opfs = opfsImports(() => instance.exports.mem.buffer);
    const [program, sqliteModule] = await Promise.all(['test.wasm', 'sqlite.wasm'].map((url) => WebAssembly.compileStreaming(fetch(url))));
    const sqlite = await instantiateSQLite(sqliteModule, go.importObject, { copies });
    instance = await WebAssembly.instantiate(program, go.importObject);
    sqlite.link(instance);
    globalThis.linkedSQLite = sqlite; // for tests that measure it
    await go.run(instance);
  } catch (e) {
    postMessage({ failure: String(e?.stack ?? e) });
  }
};
