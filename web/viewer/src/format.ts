const numbers = new Intl.NumberFormat('en');
const times = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23' });
const dates = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: '2-digit', day: '2-digit' });

export const formatNumber = (n: number): string => numbers.format(n);

/** The time of day for an event of today, else the day. */
export function formatTime(time: Date, now = new Date()): string {
  return time.toDateString() === now.toDateString() ? times.format(time) : dates.format(time);
}

/** Lays out JSON text in lines. It does not parse it: numbers beyond 2^53, and their spelling, stay as they are. */
export function formatJSON(text: string): string {
  let out = '';
  let indent = 0;
  const newLine = () => `\n${'  '.repeat(indent)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/g)) {
    if (token === '{' || token === '[') {
      indent++;
      out += token + newLine();
    } else if (token === '}' || token === ']') {
      indent--;
      // Nothing between the brackets: they stay together.
      out = /[[{]\s*$/.test(out.slice(-2 * indent - 4)) ? out.trimEnd() + token : out + newLine() + token;
    } else if (token === ',') out += token + newLine();
    else if (token === ':') out += ': ';
    else out += token;
  }
  return out;
}
