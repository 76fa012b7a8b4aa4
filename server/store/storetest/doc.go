// Package storetest is what every store must pass. A store's own tests call [Run] with a way to open it.
//
// What needs a process that dies, a store tests with [Write] and [Verify]: one process writes until it is killed, printing
// what was committed; another opens what is left and verifies that it is all there, whole.
package storetest
