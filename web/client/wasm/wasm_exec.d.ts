// The part of Go's wasm_exec.js that the worker uses. The script itself is copied from GOROOT/lib/wasm by the build: it
// must be that of the Go release which compiled the wasm.
export {};

declare global {
  class Go {
    readonly importObject: WebAssembly.Imports;
    env: Record<string, string>;
    argv: string[];
    exit: (code: number) => void;
    run(instance: WebAssembly.Instance): Promise<void>;
  }
}
