// Package sim runs the whole product in one process on fake time: the real server behind real HTTP and websockets, one to three
// real mirrors with SQLite and projections, and a network, disks and clocks that fail. One seed is one world of some minutes;
// docs/decisions/0018-simulation.md says how it stays the same world in each run.
//
//	go test -tags sim ./e2e/sim                                       # as many worlds as make test runs
//	go test -tags sim ./e2e/sim -run TestWorlds -sim.seed=281         # one world, with all of its trace
//	go test -tags sim ./e2e/sim -run TestWorlds -sim.first=5000 -sim.seeds=100000
//	MILLPOND_BUG='ignore the hash' go test -tags sim ./e2e/sim -run TestWorlds
//
// # A world
//
// Users append to the mirrors, online and offline; others append at the server. Frames are dropped, doubled, delayed for up to 30 s,
// changed in the middle, and connections are cut in the middle of a frame or fall silent. The server is killed, leaves, is restored from a backup, its commits fail or
// are committed and not told, streams are reset, paused, and leave its memory. Mirrors are killed, with the power and what their disks had not
// synced; disks are full; wall clocks jump by a day; a projection fails. Which of these happen, and how often, is the seed's choice:
// faults that are always there hide those that need a quiet hour.
//
// # What must hold
//
// After each step: the events of a mirror are, byte for byte, a log that was durable at the server up to the mirror's position (check_test.go); each
// projection is the fold of them up to where it says it is (projection_test.go); what was kept is in the outbox until the server has it, each append is once in
// a log, whole, in its mirror's order and in the life of the stream that its user saw (ledger_test.go); a mirror has one connection, and
// neither side sends or takes more than the credit (books_test.go); a live query hears of no result twice. At the end all faults stop: within 30 s
// of its own time all mirrors have what the server has, and nothing waits in an outbox but what its user has been told of (settle_test.go).
//
// # A failure
//
// It prints the last lines of the trace, the time in seconds in front of each, and the command that runs the world again:
//
//	136.464896  A#18← batch 4 to 25 of 25, 580 bytes     arrives at mirror A, on its 18th connection, for subscription 4
//	136.464896  A has /pond to 25                        and was applied
//	136.457012  B#24→ append 14 /pond [B11/pond-0]       arrives at the server
//	136.476804  FAILED: B: /pond is at offset 15 and has 25 events
//
// TestPlantedBugs shows that the worlds find bugs: those that the tag sim plants in the product (grep for planted).
package sim
