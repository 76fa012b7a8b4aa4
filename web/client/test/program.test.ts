import { afterEach, expect, test, vi } from 'vitest';
import { instantiate } from '../src/program.ts';

/** The smallest module. */
const program = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

function serve(body: Uint8Array<ArrayBuffer> | string, type: string, status = 200): void {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status, headers: { 'Content-Type': type } })));
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('a program is compiled as it arrives', async () => {
  serve(program, 'application/wasm');
  expect((await instantiate('/m.wasm', {})).instance).toBeInstanceOf(WebAssembly.Instance);
});

test('with another type it is compiled all the same, and the console says what to mend', async () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  serve(program, 'application/octet-stream');
  expect((await instantiate('/m.wasm', {})).instance).toBeInstanceOf(WebAssembly.Instance);
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('serve it as application/wasm'));
});

test('a page in its place, a wrong status and a dead server are told apart', async () => {
  vi.spyOn(console, 'warn').mockReturnValue();
  serve('<!doctype html>', 'text/html');
  await expect(instantiate('/m.wasm', {})).rejects.toMatchObject({ code: 'wasm_fetch_failed', message: expect.stringContaining('text/html') as string });
  serve('', 'text/plain', 404);
  await expect(instantiate('/m.wasm', {})).rejects.toMatchObject({ code: 'wasm_fetch_failed', message: expect.stringContaining('404') as string });
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await expect(instantiate('/m.wasm', {})).rejects.toMatchObject({ code: 'wasm_fetch_failed', message: expect.stringContaining('could not be fetched') as string });
});

test('without WebAssembly it says so', async () => {
  vi.stubGlobal('WebAssembly', undefined);
  await expect(instantiate('/m.wasm', {})).rejects.toMatchObject({ code: 'no_webassembly' });
});
