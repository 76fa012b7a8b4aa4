import { afterEach, expect, test, vi } from 'vitest';
import { compile, instantiate, run } from '../src/program.ts';

/** The smallest module. */
const program = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

function serve(body: Uint8Array<ArrayBuffer> | string, type: string, status = 200): void {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status, headers: { 'Content-Type': type } })));
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('a program is compiled as it arrives', async () => {
  serve(program, 'application/wasm');
  expect(await compile('/m.wasm')).toBeInstanceOf(WebAssembly.Module);
});

test('with another type it is compiled all the same, and the console says what to mend', async () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  serve(program, 'application/octet-stream');
  expect(await compile('/m.wasm')).toBeInstanceOf(WebAssembly.Module);
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('serve it as application/wasm'));
});

test('a page in its place, a wrong status and a dead server are told apart', async () => {
  vi.spyOn(console, 'warn').mockReturnValue();
  serve('<!doctype html>', 'text/html');
  await expect(compile('/m.wasm')).rejects.toMatchObject({ code: 'wasm_fetch_failed', message: expect.stringContaining('text/html') as string });
  serve('', 'text/plain', 404);
  await expect(compile('/m.wasm')).rejects.toMatchObject({ code: 'wasm_fetch_failed', message: expect.stringContaining('404') as string });
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await expect(compile('/m.wasm')).rejects.toMatchObject({ code: 'wasm_fetch_failed', message: expect.stringContaining('could not be fetched') as string });
});

test('without WebAssembly it says so', async () => {
  vi.stubGlobal('WebAssembly', undefined);
  await expect(compile('/m.wasm')).rejects.toMatchObject({ code: 'no_webassembly' });
});

/** (module (import "sqlite" "f" (func))) */
const importer = Uint8Array.of(...program, 1, 4, 1, 0x60, 0, 0, 2, 12, 1, 6, 0x73, 0x71, 0x6c, 0x69, 0x74, 0x65, 1, 0x66, 0, 0);

test('parts of different versions are told', async () => {
  const module = await WebAssembly.compile(importer);
  await expect(instantiate(module, { sqlite: {} })).rejects.toMatchObject({
    code: 'wasm_fetch_failed',
    message: expect.stringContaining('reload the page') as string,
  });
});

/** (module (func (export "trap") unreachable)) */
const trapping = Uint8Array.of(...program, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 0x74, 0x72, 0x61, 0x70, 0, 0, 10, 5, 1, 3, 0, 0, 0x0b);

/** A program that traps, at once or in a later event. */
function trappingProgram(when: 'run' | 'event') {
  const { trap } = new WebAssembly.Instance(new WebAssembly.Module(trapping)).exports as { trap: () => void };
  const resumed = vi.fn(trap);
  const go = {
    _scheduledTimeouts: new Map(),
    _resume: resumed,
    run: () => new Promise<void>(() => when === 'run' && trap()),
  };
  return { go: go as unknown as Go, resumed };
}

const instance = {} as WebAssembly.Instance;
const crashed = { code: 'worker_crashed', message: expect.stringContaining('RuntimeError: unreachable') as string };

test('a trap in an event ends the program: nothing of it runs again', async () => {
  vi.useFakeTimers();
  const { go, resumed } = trappingProgram('event');
  const timer = vi.fn();
  go._scheduledTimeouts.set(1, setTimeout(timer));
  const ended = expect(run(go, instance)).rejects.toMatchObject(crashed);
  go._resume();
  go._resume();
  await ended;
  vi.runAllTimers();
  expect(resumed).toHaveBeenCalledOnce();
  expect(timer).not.toHaveBeenCalled();
  expect(go._scheduledTimeouts.size).toBe(0);
});

test('a trap in the first run ends the program, too', async () => {
  const { go, resumed } = trappingProgram('run');
  await expect(run(go, instance)).rejects.toMatchObject(crashed);
  go._resume();
  expect(resumed).not.toHaveBeenCalled();
});
