import type { EventInput } from '@millpond/client';

/** Reads what was typed: one event, or an array of them. What else the fields must be, the server says. */
export function parseEvents(text: string): EventInput | EventInput[] {
  if (text.trim() === '') throw new SyntaxError('write an event first, such as {"type": "note"}');
  let value: unknown;
  try {
    value = JSON.parse(text, refuseInexact);
  } catch (error) {
    throw error instanceof RangeError ? error : new SyntaxError(`not valid JSON: ${(error as Error).message}`, { cause: error });
  }
  const events: unknown[] = Array.isArray(value) ? value : [value];
  const stray = events.find((event) => typeof event !== 'object' || event === null || Array.isArray(event));
  if (stray !== undefined) throw new TypeError(`${JSON.stringify(stray)} is not an event: write an object, such as {"type": "note"}`);
  return value as EventInput | EventInput[];
}

/** JavaScript would change such a number without a word. */
function refuseInexact(_: string, value: unknown): unknown {
  if (typeof value === 'number' && (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))) {
    throw new RangeError(`a number near ${value} cannot be kept exactly here: write it as a string, or append it from a terminal`);
  }
  return value;
}
