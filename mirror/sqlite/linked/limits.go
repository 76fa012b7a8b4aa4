package linked

// MaxMemoryBytes bounds SQLite's memory: its maximum in sqlite.wasm, which csrc/build.sh sets and a test compares.
const MaxMemoryBytes = 256 << 20
