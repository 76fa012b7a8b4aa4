//go:build !js

package query_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

func ExampleReader_Run() {
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	reader, err := query.NewReader(conn, query.Options{MaxRows: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reader.Close()

	result, err := reader.Run(context.Background(), "SELECT :name AS name, upper(:name) AS loud", query.Named{"name": "otter"})
	fmt.Println(string(result.AppendJSON(nil)), err)
	_, err = reader.Run(context.Background(), "CREATE TABLE pets (name)")
	fmt.Println(errors.Is(err, query.ErrNotReadOnly), err)
	// Output:
	// {"columns":["name","loud"],"rows":[["otter","OTTER"]]} <nil>
	// true a query may only read: a change of the schema is refused; use SELECT, WITH, VALUES or EXPLAIN
}

// A live query is run again when a table that it reads was written, and tells of another result only.
func ExampleLive() {
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	reader, err := query.NewReader(conn, query.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reader.Close()
	live := query.NewLive(reader)
	conn.OnUpdate(func(table string, _ int64) { live.Changed(table) })

	if err := conn.Exec("CREATE TABLE fish (name)"); err != nil {
		fmt.Println(err)
		return
	}
	remove := live.Add(context.Background(), "SELECT count(*) FROM fish", nil, func(result *query.Result, err error) {
		fmt.Println("fish:", result.Rows[0][0], err)
	})
	defer remove()
	for _, sql := range []string{"", "INSERT INTO fish VALUES ('eel'), ('pike')", "UPDATE fish SET name = 'tench'"} {
		if err := conn.Exec(sql); err != nil {
			fmt.Println(err)
		}
		if err := live.Flush(context.Background()); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// fish: 0 <nil>
	// fish: 2 <nil>
}
