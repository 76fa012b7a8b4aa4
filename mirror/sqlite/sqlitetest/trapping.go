package sqlitetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The sections of a WebAssembly module that Trapping looks into, what an import or export of a function is marked by, and
// instructions.
const (
	sectionImport, sectionExport, sectionCode = 2, 7, 10
	kindFunction                              = 0
	opUnreachable, opNop, opEnd               = 0x00, 0x01, 0x0b
	headerBytes                               = 8
)

// Trapping is a WebAssembly module with a fault planted: the function that it exports under a name traps when it is called.
// All else is as it was. The imports must be functions only.
func Trapping(module []byte, export string) ([]byte, error) {
	planted := slices.Clone(module)
	imports, function := 0, -1
	for at := headerBytes; at < len(planted); {
		id := planted[at]
		size, n := binary.Uvarint(planted[at+1:])
		r := reader{planted, at + 1 + n}
		at = r.at + int(size)
		switch id {
		case sectionImport:
			imports = r.number()
		case sectionExport:
			function = r.export(export) - imports
		case sectionCode:
			if function < 0 {
				return nil, fmt.Errorf("the module exports no function %s", export)
			}
			r.trap(function)
			return planted, nil
		}
	}
	return nil, errors.New("the module has no code")
}

// reader reads a module from some place on.
type reader struct {
	module []byte
	at     int
}

func (r *reader) number() int {
	v, n := binary.Uvarint(r.module[r.at:])
	r.at += n
	return int(v)
}

// export finds the number of a function in the export section; 0, which is an import's, if there is none.
func (r *reader) export(name string) int {
	for range r.number() {
		n := r.number()
		found := string(r.module[r.at:r.at+n]) == name
		kind := r.module[r.at+n]
		r.at += n + 1
		if number := r.number(); found && kind == kindFunction {
			return number
		}
	}
	return 0
}

// trap puts a body that traps in the place of a function's in the code section, and as long: no locals, and nothing that is
// reached.
func (r *reader) trap(function int) {
	r.number() // how many there are
	for range function {
		size := r.number()
		r.at += size
	}
	size := r.number()
	body := r.module[r.at : r.at+size]
	for i := range body {
		body[i] = opNop
	}
	body[0], body[1], body[size-1] = 0, opUnreachable, opEnd
}
