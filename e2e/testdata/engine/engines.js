// Each engine as its documentation says to use it in a worker, with its fastest file layer over OPFS that needs no
// cross-origin isolation. A database is fresh, and its engine is that of the worker's first: its code may be warm. All of a
// statement's calls may be awaited: wa-sqlite's are promises.

export const engines = {
  'sqlite-wasm': openSQLiteWasm,
  'wa-sqlite': openWaSQLite,
};

/** Makes something once. */
const once = (make) => {
  let made;
  return () => (made ??= make());
};

const sqliteWasm = once(async () => {
  const { default: init } = await import('./node_modules/@sqlite.org/sqlite-wasm/dist/index.mjs');
  return init({ print: () => {}, printErr: () => {} });
});

async function openSQLiteWasm() {
  const sqlite3 = await sqliteWasm();
  const pool = await sqlite3.installOpfsSAHPoolVfs({ name: 'bench', clearOnInit: true });
  const db = new pool.OpfsSAHPoolDb('/bench.db');
  return {
    sync: true,
    exec: (sql) => db.exec(sql),
    value: (sql) => db.selectValue(sql),
    prepare(sql) {
      const stmt = db.prepare(sql);
      return {
        run: (...values) => stmt.bind(values).stepReset(),
        rows(values, onRow) {
          if (values.length > 0) stmt.bind(values);
          while (stmt.step()) onRow(stmt.get([]));
          stmt.reset();
        },
        close: () => stmt.finalize(),
      };
    },
    async close() {
      db.close();
      await pool.removeVfs();
    },
  };
}

const waSQLite = once(async () => {
  const [{ default: factory }, SQLite, { AccessHandlePoolVFS }] = await Promise.all([
    import('./node_modules/wa-sqlite/dist/wa-sqlite.mjs'),
    import('./node_modules/wa-sqlite/src/sqlite-api.js'),
    import('./node_modules/wa-sqlite/src/examples/AccessHandlePoolVFS.js'),
  ]);
  const root = await navigator.storage.getDirectory();
  await root.removeEntry('wa-sqlite', { recursive: true }).catch(() => {}); // there is none the first time
  const sqlite3 = SQLite.Factory(await factory());
  const vfs = new AccessHandlePoolVFS('/wa-sqlite');
  await vfs.isReady;
  sqlite3.vfs_register(vfs, true);
  return { SQLite, sqlite3, vfs };
});

async function openWaSQLite() {
  const { SQLite, sqlite3, vfs } = await waSQLite();
  await vfs.reset(); // takes its files again
  const db = await sqlite3.open_v2('bench.db');
  return {
    sync: false,
    exec: (sql) => sqlite3.exec(db, sql),
    async value(sql) {
      let value;
      await sqlite3.exec(db, sql, (row) => (value = row[0]));
      return value;
    },
    async prepare(sql) {
      const text = sqlite3.str_new(db, sql);
      const { stmt } = await sqlite3.prepare_v2(db, sqlite3.str_value(text));
      return {
        async run(...values) {
          sqlite3.bind_collection(stmt, values);
          await sqlite3.step(stmt);
          await sqlite3.reset(stmt);
        },
        async rows(values, onRow) {
          sqlite3.bind_collection(stmt, values);
          while ((await sqlite3.step(stmt)) === SQLite.SQLITE_ROW) onRow(sqlite3.row(stmt));
          await sqlite3.reset(stmt);
        },
        async close() {
          await sqlite3.finalize(stmt);
          sqlite3.str_finish(text);
        },
      };
    },
    async close() {
      await sqlite3.close(db);
      vfs.xDelete('bench.db', 1);
      await vfs.close(); // lets go of its files
    },
  };
}
