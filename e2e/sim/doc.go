// Package sim runs the whole product in one process on fake time: the real server, the real mirrors with real SQLite, and a
// network, disks and clocks that fail. One seed is one world.
package sim
