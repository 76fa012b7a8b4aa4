package replica

// rowsPerInsert is how many events one statement inserts. Half of the gain over one comes with 2, nearly all with 10.
const rowsPerInsert = 10

// keptJSONBytes bounds the buffer for JSONB that is kept for the next value.
const keptJSONBytes = 1 << 20
