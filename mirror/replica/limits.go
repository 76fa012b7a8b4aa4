package replica

// rowsPerInsert is how many events one statement inserts. Half of the gain over one comes with 2, nearly all with 10.
const rowsPerInsert = 10

// keptJSONBytes bounds the buffer for JSONB that is kept for the next value.
const keptJSONBytes = 1 << 20

// collectedRows is how many rows of an old copy one transaction deletes: some milliseconds' work.
const collectedRows = 1000

// refoldedRows and refoldedBytes are how much of a copy is in memory at a time when it is given to folds again.
const (
	refoldedRows  = 500
	refoldedBytes = 1 << 20
)
