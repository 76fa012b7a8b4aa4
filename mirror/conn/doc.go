// Package conn carries the messages of the sync protocol over one websocket. It decides nothing: when to connect, to
// probe and to give up is package session's business.
//
// Natively it is coder/websocket. In the browser it is the browser's own WebSocket: coder/websocket's js build loses
// the close code of the server and may lose messages that came right before it, cannot close with the codes that it
// uses itself, and brings net/http and crypto/tls into the wasm program.
//
// The browser does not hold a fast server back: what has arrived is queued, and the protocol's credit bounds it. A server
// that sends more than its credit is disconnected at maxQueuedBytes.
package conn
