package sqlite

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string) store.Store {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestMain(m *testing.M) {
	childMain()
	goleak.VerifyTestMain(m)
}

func name(path string) millpond.Name {
	return millpond.Name{Namespace: millpond.DefaultNamespace, Path: path}
}
