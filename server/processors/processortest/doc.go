// Package processortest tests processors: on a stream in memory, without a server, a clock or a goroutine.
//
// It does to a processor what a host may do at the worst, and fails the test when the processor does not stand it:
//
//   - Reduce is called twice for each event, on a state that was written as JSON and read again: it must come to the same, and
//     leave the state before as it was.
//   - ProcessEvent and ProcessBatch are called twice for each event, batches are split another way the second time, as after a crash
//     before the checkpoint: the second call must append nothing new. What else it does, it does twice.
//   - What the processor appends comes back to it, as in a host; one that answers itself for ever is stopped.
package processortest
