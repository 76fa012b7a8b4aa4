package conn

import "sync"

// outbox is what waits to be sent.
type outbox struct {
	ready chan struct{} // of capacity 1: holds a token when there is something

	mu    sync.Mutex
	texts [][]byte
	bytes int
}

// put is false when too much waits.
func (o *outbox) put(text []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bytes+len(text) > maxSendBytes {
		return false
	}
	o.texts = append(o.texts, text)
	o.bytes += len(text)
	select {
	case o.ready <- struct{}{}:
	default:
	}
	return true
}

func (o *outbox) take() [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	texts := o.texts
	o.texts, o.bytes = nil, 0
	return texts
}
