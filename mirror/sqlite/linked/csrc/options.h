// How SQLite is compiled. What SQL can notice is as in go-sqlite3, the native engine, so that a statement means the
// same on both; docs/decisions/0012-linked-sqlite.md argues the rest.

// What SQL can notice.
#define SQLITE_DQS 0
#define SQLITE_DEFAULT_FOREIGN_KEYS 1
#define SQLITE_DEFAULT_WAL_SYNCHRONOUS 1
#define SQLITE_TRUSTED_SCHEMA 0
#define SQLITE_LIKE_DOESNT_MATCH_BLOBS
#define SQLITE_STRICT_SUBTYPE 1
#define SQLITE_ENABLE_MATH_FUNCTIONS
#define SQLITE_ENABLE_STAT4 1
#define SQLITE_SOUNDEX
#define SQLITE_USE_URI 1
#define SQLITE_ALLOW_URI_AUTHORITY
#define SQLITE_OMIT_DEPRECATED
#define SQLITE_OMIT_SHARED_CACHE
#define SQLITE_OMIT_LOAD_EXTENSION
#define HAVE_ISNAN 1
#define HAVE_LOG2 1
#define HAVE_LOG10 1

// One thread, one connection a file, and a file layer of ours.
#define SQLITE_OS_OTHER 1
#define SQLITE_THREADSAFE 0
#define SQLITE_MAX_MMAP_SIZE 0
#define SQLITE_BYTEORDER 1234
#define HAVE_LOCALTIME_R 1
#define HAVE_MALLOC_H 1
#define HAVE_MALLOC_USABLE_SIZE 1

// Smaller or faster, and nobody can tell.
#define SQLITE_DEFAULT_MEMSTATUS 0
#define SQLITE_OMIT_AUTOINIT
#define SQLITE_OMIT_DECLTYPE
#define SQLITE_OMIT_DESERIALIZE
#define SQLITE_OMIT_TCL_VARIABLE
#define SQLITE_OMIT_TRACE 1
#define SQLITE_UNTESTABLE
