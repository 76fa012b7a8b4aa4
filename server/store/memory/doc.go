// Package memory is a log store that keeps everything in memory, for tests and demonstrations: as strict as the one on
// disk, and gone with the process.
//
// A program that embeds the server tests itself without a directory, and can do to the store what is hard to do to a disk:
// fill it up, let it fail, hold a commit back, and start another server on what the first one has left ([Store.Reopen]).
//
//	s, err := server.New(server.Options{Store: memory.New(memory.Options{})})
package memory
