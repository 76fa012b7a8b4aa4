package linked

//go:wasmimport sqlite sqlite3_step
func Step(stmt Stmt) int32

//go:wasmimport sqlite sqlite3_reset
func Reset(stmt Stmt) int32

// Run steps to the end and resets. It returns what Reset does.
//
//go:wasmimport sqlite engine_run
func Run(stmt Stmt) int32

//go:wasmimport sqlite sqlite3_finalize
func Finalize(stmt Stmt) int32

//go:wasmimport sqlite sqlite3_stmt_readonly
func ReadOnly(stmt Stmt) int32

//go:wasmimport sqlite sqlite3_bind_parameter_count
func BindParameterCount(stmt Stmt) int32

// BindParameterName is 0 for a parameter without a name.
//
//go:wasmimport sqlite sqlite3_bind_parameter_name
func BindParameterName(stmt Stmt, param int32) Pointer

//go:wasmimport sqlite sqlite3_bind_null
func BindNull(stmt Stmt, param int32) int32

//go:wasmimport sqlite sqlite3_bind_int64
func BindInt64(stmt Stmt, param int32, value int64) int32

//go:wasmimport sqlite sqlite3_bind_double
func BindDouble(stmt Stmt, param int32, value float64) int32

//go:wasmimport sqlite engine_bind_text
func BindText(stmt Stmt, param int32, p Pointer, n int32) int32

//go:wasmimport sqlite engine_bind_blob
func BindBlob(stmt Stmt, param int32, p Pointer, n int32) int32

//go:wasmimport sqlite engine_bind_text_owned
func BindTextOwned(stmt Stmt, param int32, p Pointer, n int32) int32

//go:wasmimport sqlite engine_bind_blob_owned
func BindBlobOwned(stmt Stmt, param int32, p Pointer, n int32) int32

//go:wasmimport sqlite sqlite3_clear_bindings
func ClearBindings(stmt Stmt) int32

//go:wasmimport sqlite sqlite3_column_count
func ColumnCount(stmt Stmt) int32

//go:wasmimport sqlite sqlite3_column_name
func ColumnName(stmt Stmt, col int32) Pointer

//go:wasmimport sqlite sqlite3_column_type
func ColumnType(stmt Stmt, col int32) int32

//go:wasmimport sqlite sqlite3_column_int64
func ColumnInt64(stmt Stmt, col int32) int64

//go:wasmimport sqlite sqlite3_column_double
func ColumnDouble(stmt Stmt, col int32) float64

// ColumnText is a text, or what SQLite makes one of.
//
//go:wasmimport sqlite engine_column_text
func ColumnText(stmt Stmt, col int32) Span

// ColumnBlob is a blob, or what SQLite makes one of.
//
//go:wasmimport sqlite engine_column_blob
func ColumnBlob(stmt Stmt, col int32) Span

// Span is bytes in SQLite's memory.
type Span int64

// Pointer is where they are; 0 when there are none, for a NULL, or when memory has run out.
func (s Span) Pointer() Pointer { return Pointer(s) }

// Len is how many they are.
func (s Span) Len() int32 { return int32(s >> 32) }
