import { EnvironmentError, WorkerError } from './errors.ts';

/** Fetches and instantiates the mirror's program. Its errors are WorkerErrors that say what to do. */
export async function instantiate(url: string, imports: WebAssembly.Imports): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  if (typeof WebAssembly === 'undefined') {
    throw new EnvironmentError('no_webassembly', 'workers of this browser have no WebAssembly: allow it for this site, or use another browser');
  }
  const response = await fetchProgram(url);
  const type = response.headers.get('Content-Type') ?? 'none';
  try {
    // Streaming compiles while bytes arrive, and is the only way that browsers keep the machine code for the next start.
    if (type === 'application/wasm') return await WebAssembly.instantiateStreaming(response, imports);
    console.warn(`millpond: ${url} is served with Content-Type ${type}: it starts slowly; serve it as application/wasm`);
    return await WebAssembly.instantiate(await response.arrayBuffer(), imports);
  } catch (cause) {
    const message = `what ${url} holds (Content-Type ${type}) is not a program that runs here: ${String(cause)}`;
    throw new WorkerError('wasm_fetch_failed', message, { cause });
  }
}

async function fetchProgram(url: string): Promise<Response> {
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
