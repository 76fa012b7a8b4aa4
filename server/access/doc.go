// Package access decides who may do what with the streams. It stands between the transports and the engine: a [Gate] has
// the engine, and gives it away only as [Streams], which is the engine as one identity may use it. So a handler cannot
// forget to ask.
//
// Who a client is, is told by an [Authenticate] function from [Credentials]: a bearer token from a header, from a cookie,
// or from the first message of a websocket, never from a URL. What it may do is told by an [Authorize] function, which is
// asked for each [Action] on each stream. Both are the program's that embeds the server; package
package access
