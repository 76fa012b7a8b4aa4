package session

// credit counts the bytes of frames of one subscription: those that the server may still send, and those that have come
// and are not applied. Their sum is what the subscription can cost; it is never over the window.
type credit struct {
	granted int64 // below 0 by less than a frame: a record is sent whole
	held    int64
}

// receive takes a frame off the credit. It is false when the server had none.
func (c *credit) receive(bytes int) bool {
	if c.granted <= 0 {
		return false
	}
	c.granted -= int64(bytes)
	c.held += int64(bytes)
	return true
}

// free gives a frame's memory back.
func (c *credit) free(bytes int) { c.held -= int64(bytes) }

// grant is how much more credit to give: what the window has room for, once that is worth a message.
func (c *credit) grant(window int64) int64 {
	more := window - c.granted - c.held
	if more < window/4 {
		return 0
	}
	c.granted += more
	return more
}

// window is the credit of one stream now: its share of the credit of all.
func (m *Machine) window() int64 {
	window := int64(min(WindowBytes, WindowsBytes/max(1, len(m.streams))))
	if m.creditBytes > 0 {
		window = min(window, m.creditBytes)
	}
	return max(window, 1)
}
