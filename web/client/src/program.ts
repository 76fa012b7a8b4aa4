import { EnvironmentError, WorkerError } from './errors.ts';

/** Fetches and compiles a part of the mirror's program. Its errors are WorkerErrors that say what to do. */
export async function compile(url: string): Promise<WebAssembly.Module> {
  if (typeof WebAssembly === 'undefined') {
    throw new EnvironmentError('no_webassembly', 'workers of this browser have no WebAssembly: allow it for this site, or use another browser');
  }
  const response = await fetchModule(url);
  const type = response.headers.get('Content-Type') ?? 'none';
  try {
    // Streaming compiles while bytes arrive, and is the only way that browsers keep the machine code for the next start.
    if (type === 'application/wasm') return await WebAssembly.compileStreaming(response);
    console.warn(`millpond: ${url} is served with Content-Type ${type}: it starts slowly; serve it as application/wasm`);
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    const message = `what ${url} holds (Content-Type ${type}) is not a program that runs here: ${String(cause)}`;
    throw new WorkerError('wasm_fetch_failed', message, { cause });
  }
}

async function fetchModule(url: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin' });
  } catch (cause) {
    const message = `${url} could not be fetched: ${String(cause)}. The server is gone, or a policy forbids it.`;
    throw new WorkerError('wasm_fetch_failed', message, { cause });
  }
  if (!response.ok) {
    throw new WorkerError('wasm_fetch_failed', `${url} answered ${response.status}: reload the page, for its files may be of another version`);
  }
  return response;
}

/** Instantiates the program with what it imports. It cannot when its parts are of different versions. */
export async function instantiate(program: WebAssembly.Module, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  try {
    return await WebAssembly.instantiate(program, imports);
  } catch (cause) {
    const message = `the parts of the mirror's program do not fit together: reload the page, for its files may be of different versions: ${String(cause)}`;
    throw new WorkerError('wasm_fetch_failed', message, { cause });
  }
}

/**
 * Runs the program until it ends. It rejects when a trap has unwound it, in SQLite or in Go: its memory is as the trap has left
 * it, so nothing of it runs again, and the worker has to be started anew.
 */
export async function run(go: Go, instance: WebAssembly.Instance): Promise<void> {
  const resume = go._resume.bind(go);
  let dead = false;
  const die = (cause: unknown): WorkerError => {
    dead = true;
    // A timer of the program would wait for it for ever.
    for (const timer of go._scheduledTimeouts.values()) clearTimeout(timer);
    go._scheduledTimeouts.clear();
    return new WorkerError('worker_crashed', `the mirror's program has been ended by a fault: ${String(cause)}`, { cause });
  };
  const trapped = new Promise<never>((_, reject) => {
    go._resume = () => {
      if (dead) return;
      try {
        resume();
      } catch (cause) {
        reject(die(cause));
      }
    };
  });
  const ended = go.run(instance).catch((cause: unknown) => {
    throw die(cause);
  });
  await Promise.race([ended, trapped]);
}
