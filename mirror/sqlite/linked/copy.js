// Copies between the memories of the Go program and of SQLite. Where the browser has several memories in one module
// (Chrome 120, Firefox 125), a copy is one instruction of such a module, called from Go without JavaScript between: 30 ns
// for 300 bytes. Elsewhere JavaScript copies: 100 ns.
//
// Go's imports are bound before its memory exists, the copying module only after. So there are two of them: what Go
// imports calls what it finds in a table, and the other fills the table.

// (module
//   (type (func (param i32 i32 i32)))
//   (table (export "t") 2 2 funcref)
//   (func (export "in")  (param i32 i32 i32) (call_indirect (local.get 0) (local.get 1) (local.get 2) (i32.const 0)))
//   (func (export "out") (param i32 i32 i32) (call_indirect (local.get 0) (local.get 1) (local.get 2) (i32.const 1))))
const forwarding = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
  ...[1, 7, 1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0], // types
  ...[3, 3, 2, 0, 0], // functions
  ...[4, 5, 1, 0x70, 1, 2, 2], // table
  ...[7, 16, 3, 1, 0x74, 1, 0, 2, 0x69, 0x6e, 0, 0, 3, 0x6f, 0x75, 0x74, 0, 1], // exports t, in, out
  ...[10, 29, 2], // code
  ...[13, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0x41, 0, 0x11, 0, 0, 0x0b],
  ...[13, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0x41, 1, 0x11, 0, 0, 0x0b],
);

// (module
//   (type (func (param i32 i32 i32)))
//   (import "go" "mem" (memory 1))
//   (import "sq" "mem" (memory 1))
//   (import "fw" "t" (table 2 2 funcref))
//   (func (param i32 i32 i32) (memory.copy 1 0 (local.get 0) (local.get 1) (local.get 2)))
//   (func (param i32 i32 i32) (memory.copy 0 1 (local.get 0) (local.get 1) (local.get 2)))
//   (elem (i32.const 0) 0 1))
const copying = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 7, 1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0],
  ...[2, 31, 3], // imports
  ...[2, 0x67, 0x6f, 3, 0x6d, 0x65, 0x6d, 2, 0, 1],
  ...[2, 0x73, 0x71, 3, 0x6d, 0x65, 0x6d, 2, 0, 1],
  ...[2, 0x66, 0x77, 1, 0x74, 1, 0x70, 1, 2, 2],
  ...[3, 3, 2, 0, 0],
  ...[9, 8, 1, 0, 0x41, 0, 0x0b, 2, 0, 1], // elements
  ...[10, 27, 2],
  ...[12, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 10, 1, 0, 0x0b],
  ...[12, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 10, 0, 1, 0x0b],
);

/** Whether this engine has modules with several memories. */
export const hasMultiMemory = () => WebAssembly.validate(copying);

/**
 * Copies by a module with both memories.
 *
 * @param {WebAssembly.Memory} sqlite
 */
export function wasmCopies(sqlite) {
  const { t, ...imports } = new WebAssembly.Instance(new WebAssembly.Module(forwarding)).exports;
  return {
    imports,
    /** @param {WebAssembly.Memory} program */
    link(program) {
      new WebAssembly.Instance(new WebAssembly.Module(copying), { go: { mem: program }, sq: { mem: sqlite }, fw: { t } });
    },
  };
}

/**
 * Copies by JavaScript. The views are made for each copy: a memory has another buffer when it has grown.
 *
 * @param {WebAssembly.Memory} sqlite
 */
export function scriptCopies(sqlite) {
  /** @type {WebAssembly.Memory} */
  let program;
  const copy = (toMemory, to, fromMemory, from, length) =>
    new Uint8Array(toMemory.buffer, to >>> 0, length).set(new Uint8Array(fromMemory.buffer, from >>> 0, length));
  return {
    imports: {
      in: (to, from, length) => copy(sqlite, to, program, from, length),
      out: (to, from, length) => copy(program, to, sqlite, from, length),
    },
    /** @param {WebAssembly.Memory} memory */
    link(memory) {
      program = memory;
    },
  };
}
