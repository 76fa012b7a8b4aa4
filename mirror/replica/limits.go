package replica

// rowsPerInsert is how many events one statement inserts. Half of the gain over one comes with 2, nearly all with 10.
const rowsPerInsert = 10
