// SQLite as one WebAssembly module for package linked, with what the package cannot say from outside: results in one
// value in place of out parameters, and the callbacks, which are functions of the Go program.

#include <string.h>
#include <time.h>

static struct tm *host_localtime_r(const time_t *, struct tm *);
#define localtime_r host_localtime_r

#include "sqlite3-binding.c"

#define EXPORT(name) __attribute__((export_name(#name))) name
#define HOST(name) __attribute__((import_module("host"), import_name(#name))) host_##name

// What only JavaScript knows.
double HOST(now)(void);                       // milliseconds since 1970
void HOST(random)(void *p, int n);            // fills p
double HOST(local_offset)(double at);         // seconds that local time is ahead of UTC, at seconds since 1970

static struct tm *host_localtime_r(const time_t *at, struct tm *out) {
  time_t local = *at + (time_t)host_local_offset((double)*at);
  return gmtime_r(&local, out);
}

// The Go functions are in the function table from here on, in the order of linked.js. Of those that answer a number or
// fail, a failure is the negative result code.
static int callbacks;

enum {
  ON_UPDATE, ON_AUTHORIZE, ON_PROGRESS,
  FILE_OPEN, FILE_DELETE, FILE_EXISTS, FILE_CLOSE, FILE_READ, FILE_WRITE, FILE_TRUNCATE, FILE_SYNC, FILE_SIZE, FILE_COMMITTED,
};

#define GO(at, type) ((type)(callbacks + (at)))
typedef int go_i(int);
typedef int go_ip(int, const char *);
typedef int go_ipi(int, const char *, int);
typedef int go_read(int, void *, int, sqlite3_int64);
typedef int go_write(int, const void *, int, sqlite3_int64);
typedef int go_l(int, sqlite3_int64);
typedef sqlite3_int64 go_size(int);
typedef void go_update(void *, int, const char *, const char *, sqlite3_int64);
typedef int go_authorize(void *, int, const char *, const char *, const char *, const char *);
typedef int go_progress(void *);

// Files: each call is one of the Go program.

typedef struct {
  sqlite3_file base;
  int id;
} file;

static int id_of(sqlite3_file *f) { return ((file *)f)->id; }
static int set_of(sqlite3_vfs *v) { return (int)v->pAppData; }

static int file_close(sqlite3_file *f) { return GO(FILE_CLOSE, go_i *)(id_of(f)); }

static int file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) {
  int got = GO(FILE_READ, go_read *)(id_of(f), p, n, at);
  if (got < 0) return -got;
  if (got == n) return SQLITE_OK;
  memset((char *)p + got, 0, n - got);
  return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
  return GO(FILE_WRITE, go_write *)(id_of(f), p, n, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size) { return GO(FILE_TRUNCATE, go_l *)(id_of(f), size); }
static int file_sync(sqlite3_file *f, int flags) { return GO(FILE_SYNC, go_i *)(id_of(f)); }

static int file_size(sqlite3_file *f, sqlite3_int64 *out) {
  sqlite3_int64 size = GO(FILE_SIZE, go_size *)(id_of(f));
  if (size < 0) return (int)-size;
  *out = size;
  return SQLITE_OK;
}

// There is one connection: nobody else can hold a lock.
static int file_lock(sqlite3_file *f, int level) { return SQLITE_OK; }

static int file_reserved(sqlite3_file *f, int *out) {
  *out = 0;
  return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int op, void *arg) {
  return op == SQLITE_FCNTL_COMMIT_PHASETWO ? GO(FILE_COMMITTED, go_i *)(id_of(f)) : SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *f) { return 4096; }

static int file_abilities(sqlite3_file *f) {
  return SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN | SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_SUBPAGE_READ;
}

static const sqlite3_io_methods methods = {
    1,         file_close, file_read, file_write, file_truncate, file_sync,   file_size,
    file_lock, file_lock,  file_reserved,         file_control,  file_sector, file_abilities,
};

static int set_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out) {
  f->pMethods = 0;
  int id = GO(FILE_OPEN, go_ipi *)(set_of(v), name, flags);
  if (id < 0) return -id;
  ((file *)f)->id = id;
  f->pMethods = &methods;
  if (out) *out = flags;
  return SQLITE_OK;
}

static int set_delete(sqlite3_vfs *v, const char *name, int sync) { return GO(FILE_DELETE, go_ip *)(set_of(v), name); }

static int set_exists(sqlite3_vfs *v, const char *name, int flags, int *out) {
  int exists = GO(FILE_EXISTS, go_ip *)(set_of(v), name);
  if (exists < 0) return -exists;
  *out = exists;
  return SQLITE_OK;
}

static int set_path(sqlite3_vfs *v, const char *name, int n, char *out) {
  sqlite3_snprintf(n, out, "%s", name);
  return SQLITE_OK;
}

static int set_random(sqlite3_vfs *v, int n, char *out) {
  host_random(out, n);
  return n;
}

static int set_sleep(sqlite3_vfs *v, int microseconds) { return microseconds; }

static int set_now_ms(sqlite3_vfs *v, sqlite3_int64 *out) {
  *out = 210866760000000LL + (sqlite3_int64)host_now(); // since noon in Greenwich on 24 November 4714 BC
  return SQLITE_OK;
}

static int set_now(sqlite3_vfs *v, double *out) {
  *out = 2440587.5 + host_now() / 86400000.0;
  return SQLITE_OK;
}

static int set_last_error(sqlite3_vfs *v, int n, char *out) { return 0; }

// Every set is a copy of this one. It is SQLite's default, with its clock and its random numbers, and has no files.
static sqlite3_vfs no_files = {
    2, sizeof(file), 1024, 0, "none", 0,          set_open, set_delete,     set_exists, set_path, 0, 0, 0, 0,
    set_random, set_sleep, set_now, set_last_error, set_now_ms,
};

int sqlite3_os_init(void) { return sqlite3_vfs_register(&no_files, 1); }
int sqlite3_os_end(void) { return SQLITE_OK; }

// The linker makes it. While nothing calls it, the module is taken for a command: then every exported function is one that
// runs the end of a program after it.
void __wasm_call_ctors(void);

// engine_link is called once, when the Go functions are in the table.
int EXPORT(engine_link)(int first) {
  __wasm_call_ctors();
  callbacks = first;
  return sqlite3_initialize();
}

#define SET_NAME "files-%d"
#define SET_NAME_BYTES 20

// engine_open opens a database in a set of files of the Go program. It answers a connection even
// when it failed, for its error, and 0 without memory.
sqlite3 *EXPORT(engine_open)(const char *name, int set) {
  sqlite3_vfs *v = sqlite3_malloc(sizeof *v + SET_NAME_BYTES);
  if (!v) return 0;
  *v = no_files;
  v->zName = sqlite3_snprintf(SET_NAME_BYTES, (char *)(v + 1), SET_NAME, set);
  v->pAppData = (void *)set;
  sqlite3_vfs_register(v, 0);
  sqlite3 *db = 0;
  sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, v->zName);
  return db;
}

// engine_remove_set is for when nothing is open in a set of files any more.
void EXPORT(engine_remove_set)(int set) {
  char name[SET_NAME_BYTES];
  sqlite3_snprintf(sizeof name, name, SET_NAME, set);
  sqlite3_vfs *v = sqlite3_vfs_find(name);
  if (!v) return;
  sqlite3_vfs_unregister(v);
  sqlite3_free(v);
}

// engine_prepare answers the statement, and above it how many bytes of sql it took.
sqlite3_int64 EXPORT(engine_prepare)(sqlite3 *db, const char *sql, int n) {
  sqlite3_stmt *stmt;
  const char *tail;
  int rc = sqlite3_prepare_v3(db, sql, n, 0, &stmt, &tail);
  if (rc) return -(sqlite3_int64)rc;
  return (sqlite3_int64)(tail - sql) << 32 | (unsigned)stmt;
}

// engine_page copies a page of the main database, as the open transaction sees it, to p. SQLite itself never uses the page
// with the lock bytes: it is zeros.
int EXPORT(engine_page)(sqlite3 *db, Pgno number, void *p) {
  Btree *tree = db->aDb[0].pBt;
  Pager *pager = sqlite3BtreePager(tree);
  int size = sqlite3BtreeGetPageSize(tree);
  DbPage *page;
  memset(p, 0, size);
  if (number == PENDING_BYTE / size + 1) return SQLITE_OK;
  int rc = sqlite3PagerGet(pager, number, &page, 0);
  if (rc) return rc;
  memcpy(p, sqlite3PagerGetData(page), size);
  sqlite3PagerUnref(page);
  return SQLITE_OK;
}

int EXPORT(engine_exec)(sqlite3 *db, const char *sql) { return sqlite3_exec(db, sql, 0, 0, 0); }

// engine_run steps to the end and resets.
int EXPORT(engine_run)(sqlite3_stmt *s) {
  while (sqlite3_step(s) == SQLITE_ROW) {
  }
  return sqlite3_reset(s);
}

// A text or a blob is an address, and above it the length.
#define SPAN(p, n) ((sqlite3_int64)(n) << 32 | (unsigned)(p))

sqlite3_int64 EXPORT(engine_column_text)(sqlite3_stmt *s, int i) {
  const void *p = sqlite3_column_text(s, i); // before its length, which may be of something else until then
  return SPAN(p, sqlite3_column_bytes(s, i));
}

sqlite3_int64 EXPORT(engine_column_blob)(sqlite3_stmt *s, int i) {
  const void *p = sqlite3_column_blob(s, i);
  return SPAN(p, sqlite3_column_bytes(s, i));
}

// engine_bind_text and engine_bind_blob bind a value that stays where it is until the next one or the end of the statement;
// the _owned forms take it over.
int EXPORT(engine_bind_text)(sqlite3_stmt *s, int i, const char *p, int n) {
  return sqlite3_bind_text(s, i, p, n, SQLITE_STATIC);
}

int EXPORT(engine_bind_blob)(sqlite3_stmt *s, int i, const void *p, int n) {
  return sqlite3_bind_blob(s, i, p, n, SQLITE_STATIC);
}

int EXPORT(engine_bind_text_owned)(sqlite3_stmt *s, int i, const char *p, int n) {
  return sqlite3_bind_text(s, i, p, n, sqlite3_free);
}

int EXPORT(engine_bind_blob_owned)(sqlite3_stmt *s, int i, const void *p, int n) {
  return sqlite3_bind_blob(s, i, p, n, sqlite3_free);
}

// The callbacks of a connection are told its number, and are off when on is 0.
void EXPORT(engine_on_update)(sqlite3 *db, int conn, int on) {
  sqlite3_update_hook(db, on ? GO(ON_UPDATE, go_update *) : 0, (void *)conn);
}

int EXPORT(engine_on_authorize)(sqlite3 *db, int conn, int on) {
  return sqlite3_set_authorizer(db, on ? GO(ON_AUTHORIZE, go_authorize *) : 0, (void *)conn);
}

// engine_on_progress asks after each so many instructions.
void EXPORT(engine_on_progress)(sqlite3 *db, int conn, int instructions) {
  sqlite3_progress_handler(db, instructions, GO(ON_PROGRESS, go_progress *), (void *)conn);
}
