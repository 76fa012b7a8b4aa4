package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// The same program runs natively, in Node and in a browser's worker.
func Example() {
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec("CREATE TABLE ponds(name TEXT UNIQUE, depth REAL)"); err != nil {
		log.Fatal(err)
	}
	insert, _, err := conn.Prepare("INSERT INTO ponds VALUES (?, ?)")
	if err != nil {
		log.Fatal(err)
	}
	defer insert.Close()
	for name, depth := range map[string]float64{"mill": 2.5, "duck": 0.8} {
		if err := errors.Join(insert.BindText(1, name), insert.BindFloat(2, depth), insert.Exec()); err != nil {
			log.Fatal(err)
		}
	}
	rows, _, err := conn.Prepare("SELECT name, depth FROM ponds ORDER BY depth")
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Step() {
		fmt.Println(rows.ColumnText(0), rows.ColumnFloat(1))
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// duck 0.8
	// mill 2.5
}

func ExampleEach() {
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	stmt, _, err := conn.Prepare("SELECT value FROM json_each(?)")
	if err != nil {
		log.Fatal(err)
	}
	defer stmt.Close()
	if err := stmt.BindText(1, `["a", "b"]`); err != nil {
		log.Fatal(err)
	}
	if err := sqlite.Each(stmt, func(row sqlite.Stmt) error {
		fmt.Println(row.ColumnText(0))
		return nil
	}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// a
	// b
}

// Errors answer errors.Is with their codes, and say what SQLite says.
func ExampleError() {
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	err = conn.Exec("CREATE TABLE ponds(name UNIQUE); INSERT INTO ponds VALUES ('mill'), ('mill')")
	fmt.Println(errors.Is(err, sqlite.Constraint), err)
	// Output: true sqlite: UNIQUE constraint failed: ponds.name
}

// A progress hook bounds what a statement may take.
func ExampleConn_onProgress() {
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	asked := 0
	conn.OnProgress(func() (stop bool) { asked++; return asked > 100 })
	err = conn.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
	fmt.Println(errors.Is(err, sqlite.Interrupt), err)
	// Output: true sqlite: interrupted
}

// A backup is a plain database file, for a download or another place.
func ExampleConn_backup() {
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec("CREATE TABLE ponds(name); INSERT INTO ponds VALUES ('mill')"); err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := conn.Backup(&file); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", file.Bytes()[:15])
	// Output: "SQLite format 3"
}
