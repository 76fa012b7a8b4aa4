// Package mirror keeps a copy of streams in an SQLite database, and keeps it true: it follows the server through lost
// connections, restarts, resets and restored backups, and it can be queried with SQL at any time, with or without a
// server.
//
//	m, err := mirror.Open(ctx, mirror.Options{URL: "http://localhost:8080", Path: "millpond.db"})
//	…
//	defer m.Close()
//	chat, err := m.Stream(millpond.Name{Namespace: "default", Path: "/chat/42"})
//	…
//	appended, err := chat.Append(ctx, millpond.Input{Type: "message", Payload: json.RawMessage(`"hello"`)})
//	…
//	events, err := appended.Wait(ctx) // or not: it is kept, and sent when there is a server
//	result, err := m.Query(ctx, "SELECT type, count(*) FROM events GROUP BY type")
//
// Natively the database is a file, owned by one process at a time; others may read it. In the browser (GOOS=js) it is a set of files in the
// origin private file system, and the mirror must run in a dedicated worker; where the browser has no such files the
// database is in memory, and [Status] says so.
//
// # Guarantees
//
// The copy of a stream is at every moment an exact prefix of one incarnation of its log. Rows and position move in one
// transaction. What was appended is durable when Append has returned, is sent in order, and is committed once, whatever becomes of
// the connection, of this program, or of the copy; see package outbox. A copy that is not a prefix of the server's log is built again; until the first batch of the new log is
// applied, the old rows stay readable, and rows of both are never visible together.
//
// A mirror is one goroutine that owns the database, one for each direction of the connection, and one for each query that takes
// longer than 8 ms: such a query runs on a connection of its own, and keeps nobody waiting. Methods may be called
// from any goroutine. After Close none of them runs.
package mirror
