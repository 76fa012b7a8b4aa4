package random

import "syscall/js"

// fill fills b. It panics where there is no Web Crypto, which no browser and no Node lacks.
func fill(b []byte) {
	bytes := js.Global().Get("Uint8Array").New(len(b))
	js.Global().Get("crypto").Call("getRandomValues", bytes)
	js.CopyBytesToGo(b, bytes)
}
