import './wasm_exec.js';
import { opfsImports } from './opfs.js';

const decoder = new TextDecoder();
globalThis.fs.writeSync = (_fd, bytes) => {
  postMessage({ text: decoder.decode(bytes, { stream: true }) });
  return bytes.length;
};

onmessage = async ({ data: args }) => {
  try {
    const go = new Go();
    go.argv = ['test', ...args];
    go.exit = (code) => postMessage({ code });
    let instance;
    go.importObject.opfs = opfsImports(() => instance.exports.mem.buffer);
    ({ instance } = await WebAssembly.instantiateStreaming(fetch('test.wasm'), go.importObject));
    await go.run(instance);
  } catch (e) {
    postMessage({ failure: String(e?.stack ?? e) });
  }
};
