// Package e2e holds the tests of the whole product: the real binary, real browsers, real files.
//
// The tests need ../bin/millpond (make build) and a Chromium; each says so when it is missing. Those that run in Firefox, too,
// are skipped there when there is none. A test starts what it
// needs for itself with the helpers in server_test.go, browser_test.go and proxy_test.go: a server that can be killed
// and started again on its port, a browser that can be killed and started again on its profile, a network in between
// that can be cut.
//
// The packages of the mirror that work on SQLite bring tests of their own: wasmtest_test.go runs them in a browser's worker.
// Chromium is driven through chromedp, Firefox by WebDriver BiDi (bidi_test.go); wasmbrowser_test.go is what both can.
package e2e
