// Package faultfiles is a file layer in memory for tests, which fails where a test says, and loses what was not synced
// when the test cuts the power.
//
// A [Disk] is a [sqlite.Files], so SQLite runs on it as it is, with any engine:
//
//	disk := faultfiles.New()
//	conn, err := sqlite.Open("db", sqlite.Options{Files: disk})
//
// A layer above another, such as package opfs, takes the files that [Disk.Open] gives.
//
// # Faults
//
// [Disk.Fault] is asked before each call. The ready ones combine:
//
//	disk.Fault = faultfiles.At(17, faultfiles.ErrFault)                         // the 17th call fails
//	disk.Fault = faultfiles.From(17, faultfiles.ErrFault)                       // and all after it
//	disk.Fault = faultfiles.Of(faultfiles.Write, faultfiles.At(3, sqlite.Full)) // the third write finds the disk full
//	disk.Fault = faultfiles.Torn(1000, faultfiles.At(17, faultfiles.ErrFault))  // if it is a write, 1000 bytes of it are there
//
// [Disk.Limit] is a disk that gets full by itself. [Disk.Calls] counts the calls of a run without a fault, which is where
// faults can be.
//
// # Crashes
//
// [Disk.Kill] is the end of the process: all files are closed, and have what was written. [Disk.Cut] is the end of the
// power: what was not synced may be there, wholly or by sectors of 512 bytes, or not, as the random numbers say; what is
// beyond the old end of a file may be garbage. Whoever had a file open gets [ErrClosed] from then on.
//
// # A proof
//
// [Work] runs transactions and notes what it was told; [Told.Verify] opens what is left and compares:
//
//	disk.Fault = faultfiles.From(point, faultfiles.ErrFault)
//	told := faultfiles.Work(disk, "PRAGMA synchronous=FULL")
//	disk.Fault = nil
//	disk.Cut(rand.New(rand.NewPCG(seed, 0)))
//	err := told.Verify(disk)
package faultfiles
