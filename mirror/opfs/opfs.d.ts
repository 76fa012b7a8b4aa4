/** The import module "opfs" of a Go program: file calls by a handle's number. -1 says that the call has thrown. */
export type OPFSImports = {
  read(id: number, pointer: number, length: number, at: number): number;
  write(id: number, pointer: number, length: number, at: number): number;
  truncate(id: number, size: number): number;
  flush(id: number): number;
  size(id: number): number;
  close(id: number): number;
};

/**
 * Makes the import module "opfs" of a Go program, in a dedicated worker: one program a worker.
 *
 * @param getMemory the program's memory, asked at each call: it is another buffer when it has grown
 */
export function opfsImports(getMemory: () => ArrayBuffer): OPFSImports;
