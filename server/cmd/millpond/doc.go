// Command millpond serves streams, appends to them and follows them. `millpond --help` says how.
//
// Each command is one file: its flags, its help, and a Run method.
package main
