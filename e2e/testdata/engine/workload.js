// The workloads of mirror/sqlite/workload_bench_test.go, statement for statement and value for value. Where an engine is
// synchronous, nothing is awaited inside of what is measured.

const AT = '2026-11-23T10:00:00.000Z';
const ROWS = 20_000;
const INSERT = 'INSERT INTO events VALUES (?, ?, ?, ?)';

const note = 'lorem ipsum '.repeat(10);
const pad = (n, width) => String(n).padStart(width, '0');
const payloads = Array.from({ length: 40_000 }, (_, i) =>
  `{"id":"evt-${pad(i, 8)}","user":{"id":${i % 997},"name":"user-${i % 997}","email":"user${i % 997}@example.com"},"amount":${i % 1000}.${pad(i % 100, 2)},"currency":"EUR","tags":["alpha","beta","gamma-${i % 17}"],"note":"${note}"}`,
);

const random = (seed) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed >>> 8;
};

const timed = async (work) => {
  const start = performance.now();
  const result = work();
  if (result instanceof Promise) await result;
  return performance.now() - start;
};

const check = (ok, what) => {
  if (!ok) throw new Error(`the workload went wrong: ${what}`);
};

/** @returns ms */
async function insertRows(db, perTransaction, n) {
  const insert = await db.prepare(INSERT);
  const ms = await timed(
    db.sync
      ? () => {
          for (let i = 0; i < n; ) {
            db.exec('BEGIN IMMEDIATE');
            for (const end = Math.min(n, i + perTransaction); i < end; i++) insert.run(i + 1, 'order.created', AT, payloads[i]);
            db.exec('COMMIT');
          }
        }
      : async () => {
          for (let i = 0; i < n; ) {
            await db.exec('BEGIN IMMEDIATE');
            for (const end = Math.min(n, i + perTransaction); i < end; i++) await insert.run(i + 1, 'order.created', AT, payloads[i]);
            await db.exec('COMMIT');
          }
        },
  );
  await insert.close();
  check((await db.value('SELECT count(*) FROM events')) === n, 'rows');
  return ms;
}

const inserts = (perTransaction, n) => async (db) => (n / (await insertRows(db, perTransaction, n))) * 1000;

async function projection(db) {
  const perTransaction = 500;
  const n = 20_000;
  const accounts = 5000;
  await db.exec('CREATE TABLE balance(id TEXT PRIMARY KEY, n INTEGER NOT NULL, total INTEGER NOT NULL, last TEXT NOT NULL)');
  const keys = Array.from({ length: accounts }, (_, i) => `account-${pad(i, 6)}`);
  const read = await db.prepare('SELECT n, total, last FROM balance WHERE id = ?');
  const upsert = await db.prepare(`INSERT INTO balance VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET n = excluded.n, total = excluded.total, last = excluded.last`);
  const insert = await db.prepare(INSERT);
  const next = random(777);
  let found;
  const onRow = (row) => (found = row);
  const ms = await timed(
    db.sync
      ? () => {
          for (let i = 0; i < n; ) {
            db.exec('BEGIN IMMEDIATE');
            for (const end = Math.min(n, i + perTransaction); i < end; i++) {
              const key = keys[next() % accounts];
              found = null;
              read.rows([key], onRow);
              upsert.run(key, (found?.[0] ?? 0) + 1, (found?.[1] ?? 0) + i, AT);
              insert.run(i + 1, 'order.created', AT, payloads[i]);
            }
            db.exec('COMMIT');
          }
        }
      : async () => {
          for (let i = 0; i < n; ) {
            await db.exec('BEGIN IMMEDIATE');
            for (const end = Math.min(n, i + perTransaction); i < end; i++) {
              const key = keys[next() % accounts];
              found = null;
              await read.rows([key], onRow);
              await upsert.run(key, (found?.[0] ?? 0) + 1, (found?.[1] ?? 0) + i, AT);
              await insert.run(i + 1, 'order.created', AT, payloads[i]);
            }
            await db.exec('COMMIT');
          }
        },
  );
  for (const stmt of [read, upsert, insert]) await stmt.close();
  check(Number(await db.value('SELECT sum(n) FROM balance')) === n, 'events counted');
  check(Number(await db.value('SELECT sum(total) FROM balance')) === (n * (n - 1)) / 2, 'total');
  return ((3 * n) / ms) * 1000;
}

/** Measures a query that runs so many times on the filled table; onDone checks each. */
async function queries(db, sql, count, values, onRow, onDone) {
  await insertRows(db, 1000, ROWS);
  const stmt = await db.prepare(sql);
  const ms = await timed(
    db.sync
      ? () => {
          for (let i = 0; i < count; i++) {
            stmt.rows(values(), onRow);
            onDone();
          }
        }
      : async () => {
          for (let i = 0; i < count; i++) {
            await stmt.rows(values(), onRow);
            onDone();
          }
        },
  );
  await stmt.close();
  return ms / count;
}

async function range(db) {
  const next = random(12345);
  let rows = 0;
  const onRow = (row) => (rows += row[3].length > 250 ? 1 : 0);
  const onDone = () => {
    check(rows === 100, 'rows of a range');
    rows = 0;
  };
  return queries(db, 'SELECT offset, type, created_at, payload FROM events WHERE offset > ? ORDER BY offset LIMIT 100', 500, () => [next() % (ROWS - 100)], onRow, onDone);
}

async function point(db) {
  const next = random(54321);
  let bytes = 0;
  const onRow = (row) => (bytes = row[0].length);
  const onDone = () => {
    check(bytes > 100, 'a point');
    bytes = 0;
  };
  return (await queries(db, 'SELECT payload FROM events WHERE offset = ?', 20_000, () => [(next() % ROWS) + 1], onRow, onDone)) * 1000;
}

async function scan(db) {
  let sum = 0;
  return queries(db, "SELECT sum(json_extract(payload, '$.amount')) FROM events", 10, () => [], (row) => (sum = row[0]), () => check(sum > 1e6, 'the sum'));
}

export const workloads = {
  'insert-1000': inserts(1000, 40_000),
  'insert-100': inserts(100, 20_000),
  'insert-1': inserts(1, 1000),
  projection,
  range,
  point,
  scan,
};
