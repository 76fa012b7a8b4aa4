// Package store is the contract between the stream engine and the log that keeps its streams.
//
// A [Store] is small on purpose: load a head, commit batches, read a range, look up a hash or a key. It knows nothing
// of what events mean; it keeps bytes, their order and their rolling hash, and says so truthfully: when Commit
// returns nil, a power cut changes nothing any more.
//
// Each store must pass the test-suite in package storetest. Package sqlite is the default; package memory is for tests.
package store
