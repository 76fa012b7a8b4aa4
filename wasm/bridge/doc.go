// Package bridge lets the tabs of a browser use one mirror: it takes requests and gives answers, all as JSON text, so
// that little crosses the boundary between Go and JavaScript. web/client/src/messages.ts is the other side of it.
//
// A request is {"id", "method", "params"}; one without an id is a note, which has no answer. An answer is {"id",
// "result"} or {"id", "error": {"code", "message", "field"}}; the status is {"status"}, sent to every tab. A live query's are
// {"live", "revision", …}, with the revisions 1, 2, 3, …, and in place of another result {"patch"}: what makes it of the one
// before ([query.Patch]).
//
// What a tab has open ends when it leaves. Opening twice what is open changes nothing, so that a tab may say again
// what it has open.
//
// The package has no JavaScript in it, and builds and is tested natively.
package bridge
