// Package bridge lets the tabs of a browser use one mirror: it takes requests and gives answers, all as JSON text, so
// that little crosses the boundary between Go and JavaScript. web/client/src/messages.ts is the other side of it.
//
// A request is {"id", "method", "params"}; one without an id is a note, which has no answer. An answer is {"id",
// "result"} or {"id", "error": {"code", "message", "field"}}; a live query's is {"live", …} in place of the id; the
// status is {"status"}, sent to every tab.
//
// What a tab has open ends when it leaves. Opening twice what is open changes nothing, so that a tab may say again
// what it has open.
//
// The package has no JavaScript in it, and builds and is tested natively.
package bridge
