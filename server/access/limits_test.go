package access

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The table of the limits in docs/security.md has each field, with its default.
func TestLimitsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "<!-- limits -->")
	table, _, ok := strings.Cut(table, "<!-- end of limits -->")
	if !ok {
		t.Fatal("docs/security.md has lost the marks of its table of limits")
	}
	defaults := reflect.ValueOf(Limits{}.WithDefaults())
	for i := range defaults.NumField() {
		value := fmt.Sprint(defaults.Field(i).Int())
		if value == "-1" {
			value = "none"
		}
		if row := fmt.Sprintf("| `%s` | %s |", defaults.Type().Field(i).Name, value); !strings.Contains(table, row) {
			t.Errorf("no row %s", row)
		}
	}
	if rows := strings.Count(table, "\n| `"); rows != defaults.NumField() {
		t.Errorf("%d rows, %d limits", rows, defaults.NumField())
	}
}
