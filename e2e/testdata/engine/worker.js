import { engines } from './engines.js';
import { workloads } from './workload.js';

onmessage = async ({ data: { engine, workload, times } }) => {
  try {
    const values = [];
    let mode;
    for (let i = 0; i < times; i++) {
      const db = await engines[engine]();
      mode = await prepare(db);
      values.push(await workloads[workload](db));
      await db.close();
    }
    postMessage({ values, mode });
  } catch (e) {
    postMessage({ failure: String(e?.stack ?? e) });
  }
};

/** Makes the settings and the table that all workloads begin with; the journal mode says what has become of it. */
async function prepare(db) {
  await db.exec('PRAGMA page_size=4096; PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL; PRAGMA cache_size=-8000; PRAGMA temp_store=MEMORY');
  await db.exec('PRAGMA journal_mode=WAL');
  await db.exec('CREATE TABLE events(offset INTEGER PRIMARY KEY, type TEXT NOT NULL, created_at TEXT NOT NULL, payload TEXT NOT NULL)');
  return db.value('PRAGMA journal_mode');
}
