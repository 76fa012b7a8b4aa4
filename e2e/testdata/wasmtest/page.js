// Runs a Go test binary in a dedicated worker, where OPFS has its synchronous files.

globalThis.output = ''; // of the program that runs, so far: what there is to see when it never ends

/** Resolves to the program's exit code. copies: how bytes go to SQLite and back; what the browser can do best by default. */
globalThis.run = (args, copies) =>
  new Promise((resolve, reject) => {
    globalThis.output = '';
    const worker = new Worker('worker.js', { type: 'module' });
    worker.onerror = (e) => reject(new Error(`the worker: ${e.message}`));
    worker.onmessage = ({ data }) => {
      if ('text' in data) globalThis.output += data.text;
      if ('failure' in data) reject(new Error(data.failure));
      if ('code' in data) resolve(data.code);
      if ('code' in data || 'failure' in data) worker.terminate();
    };
    worker.postMessage({ args, copies });
  });
