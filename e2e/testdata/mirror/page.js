// What a page measures of the mirror's worker, in the words of web/client/src/messages.ts. workerURL is where the worker is.

let mirrors = 0;

/** Starts a worker with a mirror that has no data yet. */
globalThis.connect = () =>
  new Promise((resolve, reject) => {
    const worker = new Worker(workerURL, { type: 'module' });
    const calls = new Map();
    const lives = new Map();
    let last = 0;
    const send = (request) => worker.postMessage({ kind: 'request', leader: 'l', client: 'c', text: JSON.stringify(request) });
    const mirror = {
      note: (method, params) => send({ method, params }),
      call: (method, params) =>
        new Promise((ok, fail) => {
          calls.set(++last, { ok, fail });
          send({ id: last, method, params });
        }),
      /** onText gets the text of each answer. */
      live(sql, params, onText) {
        lives.set(++last, onText);
        send({ method: 'live', params: { live: last, sql, params } });
      },
      end: () => worker.terminate(),
    };
    worker.onerror = (e) => reject(new Error(e.message));
    worker.onmessage = ({ data }) => {
      if (data.kind === 'fatal') reject(new Error(data.message));
      if (data.kind === 'leading') resolve(mirror);
      if (data.kind !== 'answer') return;
      const { id, live, result, error } = JSON.parse(data.text);
      if (live !== undefined) lives.get(live)(data.text);
      if (id === undefined) return;
      const call = calls.get(id);
      calls.delete(id);
      if (error) call.fail(new Error(error.message));
      else call.ok(result);
    };
    worker.postMessage({ kind: 'start', leader: 'l', client: 'c', options: { url: location.origin, name: `bench-${++mirrors}` }, urls: {} });
  });

const stream = (path) => ({ namespace: 'default', path });
const ofStream = "stream_id = (SELECT id FROM streams WHERE namespace = 'default' AND path = ?)";
const lastNotes = `SELECT "offset", payload ->> '$.text' FROM events WHERE ${ofStream} AND type = 'note' ORDER BY local_index DESC LIMIT 100`;

/** The time in ms from nothing to the row with the last offset. */
globalThis.cold = async (path, offset) => {
  const start = performance.now();
  const mirror = await connect();
  await new Promise((seen) => {
    mirror.live(`SELECT "offset" FROM events WHERE ${ofStream} ORDER BY "offset" DESC LIMIT 1`, [path], (text) => {
      if (text.includes(`[[${offset}]]`)) seen();
    });
    mirror.note('open', stream(path));
  });
  const ms = performance.now() - start;
  const { rows } = await mirror.call('query', { sql: 'SELECT count(*) FROM events', params: [] });
  mirror.end();
  if (rows[0][0] !== offset) throw new Error(`${rows[0][0]} rows, want ${offset}`);
  return ms;
};

/** The times in ms from an append to the answer of a live query that has its event, one append after another. */
globalThis.appendAndSee = async (path, count) => {
  const mirror = await connect();
  let wanted = '';
  let seen = () => {};
  mirror.live(lastNotes, [path], (text) => {
    if (wanted && text.includes(wanted)) seen();
  });
  mirror.note('open', stream(path));
  const times = [];
  for (let i = -20; i < count; i++) { // the first do not count
    wanted = `"note ${mirrors} ${i}"`;
    const arrived = new Promise((resolve) => (seen = resolve));
    const start = performance.now();
    const appended = mirror.call('append', { ...stream(path), events: { type: 'note', payload: { text: wanted.slice(1, -1) } } });
    await arrived;
    if (i >= 0) times.push(performance.now() - start);
    await appended;
  }
  mirror.end();
  return times;
};
