package mirror

import (
	"sync"
	"syscall/js"
)

// hop is a MessageChannel that sends to itself: its message comes after all that the event loop has waiting.
var hop = sync.OnceValue(func() (h struct {
	port js.Value
	back chan struct{}
}) {
	channel := js.Global().Get("MessageChannel").New()
	h.port = channel.Get("port1")
	h.back = make(chan struct{}, 1)
	back := h.back
	channel.Get("port2").Set("onmessage", js.FuncOf(func(js.Value, []js.Value) any {
		back <- struct{}{} // of capacity 1, and one hop at a time
		return nil
	}))
	return h
})

// yield lets the browser's event loop run: while Go computes, no message arrives. Only the loop calls it; two mirrors of
// one program take turns.
func yield() {
	hopping.Lock()
	defer hopping.Unlock()
	h := hop()
	h.port.Call("postMessage", 0)
	<-h.back
}

var hopping sync.Mutex
