#!/bin/sh
# Compiles SQLite to WebAssembly, into the folder given: sqlite.wasm, and sqlite.txt, which says what it was made of. The
# same sources and the same compiler make the same bytes. `make sqlite-wasm` runs it.
#
#   mirror/sqlite/linked/csrc/build.sh FOLDER [CLANG-OPTION …]
set -eu
csrc=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
amalgamation=$(cd "$csrc" && go mod download -json github.com/mattn/go-sqlite3 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
optimise=-Os       # as fast as -O2 here, and a fifth smaller
stack=$((512 << 10)) # at the bottom of memory: an overflow traps, in place of overwriting data
memory=$((256 << 20)) # MaxMemoryBytes of limits.go

cd "$csrc" # so that no path is in what the compiler sees
clang-19 --target=wasm32-wasi --sysroot=/usr -isystem /usr/include/wasm32-wasi -B/usr/lib/llvm-19/bin -fuse-ld=lld \
	"$optimise" -mbulk-memory -mnontrapping-fptoint -msign-ext -DNDEBUG -Wdate-time -Wno-bitwise-op-parentheses -Wno-shift-op-parentheses \
	-include options.h -I. "-I$amalgamation" "-ffile-prefix-map=$amalgamation=." "$@" engine.c \
	-nostartfiles -L/usr/lib/wasm32-wasi -Wl,--no-entry -Wl,--export-table -Wl,--growable-table -Wl,--strip-all \
	-Wl,--stack-first "-Wl,-z,stack-size=$stack" "-Wl,--max-memory=$memory" \
	$(sed 's/^/-Wl,--export=/' exports.txt) -o "$out/sqlite.wasm"
chmod 644 "$out/sqlite.wasm"

{
	echo "sqlite   $(sed -n 's/^#define SQLITE_VERSION  *"\(.*\)"/\1/p' "$amalgamation/sqlite3-binding.h"), from $(cd "$csrc" && go list -m github.com/mattn/go-sqlite3)"
	echo "compiler $(clang-19 --version | head -n 1)"
	echo "linker   $(wasm-ld-19 --version)"
	echo "libc     wasi-libc $(dpkg-query -W -f '${Version}' wasi-libc)"
	echo "sha256   $(sha256sum "$out/sqlite.wasm" | cut -d ' ' -f 1)"
} > "$out/sqlite.txt"
