package sqlite

// The actions of SQLite's authorizer that have a name here: https://sqlite.org/c3ref/c_alter_table.html.
const (
	authDelete    = 9
	authInsert    = 18
	authPragma    = 19
	authRead      = 20
	authSelect    = 21
	authUpdate    = 23
	authFunction  = 31
	authRecursive = 33
)

// access says in words of ours what SQLite says by position.
func access(action int32, third, fourth string) Access {
	switch action {
	case authSelect:
		return Access{Action: Select}
	case authRead:
		return Access{Action: Read, Table: third, Column: fourth}
	case authInsert:
		return Access{Action: Insert, Table: third}
	case authUpdate:
		return Access{Action: Update, Table: third, Column: fourth}
	case authDelete:
		return Access{Action: Delete, Table: third}
	case authFunction:
		return Access{Action: Function, Name: fourth}
	case authRecursive:
		return Access{Action: Recursive}
	case authPragma:
		return Access{Action: Pragma, Name: third}
	}
	return Access{Action: Other, Name: third}
}
