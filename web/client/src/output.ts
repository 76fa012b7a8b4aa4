// What the Go program writes to stdout and stderr goes to the console, by line. The last lines of stderr are kept: when
// the program dies of a panic they say why.

const keptLines = 12;
const errors: string[] = [];

/** Takes the place of the output of wasm_exec.js, which does not tell stderr from stdout. */
export function captureOutput(): void {
  const stdout = lines((line) => console.log(line));
  const stderr = lines(printError);
  const fs = (globalThis as unknown as { fs: { writeSync(fd: number, bytes: Uint8Array): number } }).fs;
  fs.writeSync = (fd, bytes) => {
    (fd === 2 ? stderr : stdout)(bytes);
    return bytes.length;
  };
}

export const lastErrorLines = (): string => errors.join('\n');

function lines(print: (line: string) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = '';
  return (bytes) => {
    const whole = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = whole.pop() ?? '';
    whole.forEach(print);
  };
}

function printError(line: string): void {
  console.error(line);
  // The first lines of a panic say what happened, so a full list takes no more until the next one begins.
  if (line.startsWith('panic:') || line.startsWith('fatal error:')) errors.length = 0;
  if (errors.length < keptLines) errors.push(line);
}
