/** SQLite, which a Go program imports. */
export interface LinkedSQLite {
  /** How bytes are copied between the two. */
  readonly copies: 'wasm' | 'script';
  /** SQLite's memory: it grows, and never shrinks. */
  readonly memory: WebAssembly.Memory;
  /** Completes the link, between the program's instantiation and its run. */
  link(program: WebAssembly.Instance): void;
}

/**
 * Instantiates SQLite, and adds it to the imports of a Go program.
 *
 * @param module sqlite.wasm
 * @param imports of the program
 */
export function instantiateSQLite(
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
  options?: { copies?: 'wasm' | 'script' },
): Promise<LinkedSQLite>;
