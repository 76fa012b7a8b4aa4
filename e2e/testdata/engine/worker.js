import { engines } from './engines.js';
import { workloads } from './workload.js';

onmessage = async ({ data: { engine, workload } }) => {
  try {
    if (workload === 'start') {
      const start = performance.now();
      const db = await engines[engine]();
      await db.value('SELECT count(*) FROM sqlite_schema');
      postMessage({ value: performance.now() - start });
      return;
    }
    const db = await engines[engine]();
    await db.exec('PRAGMA page_size=4096; PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL; PRAGMA cache_size=-8000; PRAGMA temp_store=MEMORY');
    await db.exec('PRAGMA journal_mode=WAL');
    await db.exec('CREATE TABLE events(offset INTEGER PRIMARY KEY, type TEXT NOT NULL, created_at TEXT NOT NULL, payload TEXT NOT NULL)');
    const mode = await db.value('PRAGMA journal_mode');
    const value = await workloads[workload](db);
    await db.close();
    postMessage({ value, mode });
  } catch (e) {
    postMessage({ failure: String(e?.stack ?? e) });
  }
};
