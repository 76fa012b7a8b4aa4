// The part of Go's wasm_exec.js that the worker uses. The script itself is copied from GOROOT/lib/wasm by the build: it
// must be that of the Go release which compiled the wasm.
export {};

declare global {
  class Go {
    readonly importObject: WebAssembly.Imports;
    env: Record<string, string>;
    argv: string[];
    exit: (code: number) => void;
    /** Lets the program run after an event. */
    _resume(): void;
    /** The timers of the program, by its numbers. */
    readonly _scheduledTimeouts: Map<number, ReturnType<typeof setTimeout> | number>;
    run(instance: WebAssembly.Instance): Promise<void>;
  }
}
