// Package server is the Millpond server, to run or to import: it serves the streams of one log store over HTTP and
// over a websocket, and the example UI.
//
//	s, err := server.New(server.Options{Data: "data"})
//	if err != nil { … }
//	defer s.Close(context.Background())
//	err = http.ListenAndServe("127.0.0.1:8080", s.Handler())
//
// [Server.Serve] does the same with time limits, and lets [Server.Close] wait for the requests that run. A program that
// has its own Echo server mounts the routes into it: [Server.Mount]. The API may be below a path of another mux, with
// [http.StripPrefix]; the UI may not.
//
// The program itself uses the streams without HTTP: [Server.Append], [Server.Read], [Server.Follow], [Server.State].
//
// Options.Authenticate and Options.Authorize decide who may do what: see package access. Without them whoever reaches the
// server may read and write every stream: keep it on a loopback address. Web pages of other origins do not reach it in either
// case, see Options.AllowedOrigins.
package server
