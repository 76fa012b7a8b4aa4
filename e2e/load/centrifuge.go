//go:build linux

package load

import (
	"fmt"
	"net"
)

// Centrifuge is the JSON protocol of the library centrifuge.
type Centrifuge struct{}

// Dial opens a connection that has subscribed to a channel.
func (Centrifuge) Dial(addr, channel string) (net.Conn, error) {
	c, err := Centrifuge{}.Greet(addr)
	if err != nil {
		return nil, err
	}
	if _, err = c.Write(Text(fmt.Appendf(nil, `{"id":2,"subscribe":{"channel":%q}}`, channel))); err == nil {
		err = await(c, `"subscribe"`)
	}
	return c, err
}

// Greet opens a connection.
func (Centrifuge) Greet(addr string) (net.Conn, error) {
	c, err := DialWebsocket(addr, "/connection", "")
	if err != nil {
		return nil, err
	}
	if _, err = c.Write(Text([]byte(`{"id":1,"connect":{}}`))); err == nil {
		err = await(c, `"connect"`)
	}
	return c, err
}

// Reader reads nothing: what arrives is counted by its marks.
func (Centrifuge) Reader() Reader { return silent{} }

type silent struct{}

func (silent) Read([]byte) ([]byte, error) { return nil, nil }

// PublishMessage is the frame of a publication.
func PublishMessage(channel string, payload []byte) []byte {
	return Text(fmt.Appendf(nil, `{"id":3,"publish":{"channel":%q,"data":%s}}`, channel, payload))
}
