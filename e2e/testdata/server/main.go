// Command peers serves one of the servers that `make bench-server` measures beside Millpond. It is a module of its own, so
// that nobody who uses Millpond downloads them.
//
//	peers nats ADDR DIR      nats-server with JetStream: a message is synced before it is acknowledged
//	peers centrifuge ADDR    the library centrifuge, with its in-memory broker, at /connection
//
// It prints a line when it serves, and ends with its standard input.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/centrifugal/centrifuge"
	nats "github.com/nats-io/nats-server/v2/server"
)

func main() {
	log.SetFlags(0)
	if err := serve(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
	fmt.Println("serving")
	io.Copy(io.Discard, os.Stdin)
}

func serve(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "nats":
		return serveNATS(args[1], args[2])
	case len(args) == 2 && args[0] == "centrifuge":
		return serveCentrifuge(args[1])
	}
	return errors.New("usage: peers nats ADDR DIR | peers centrifuge ADDR")
}

func serveNATS(addr, dir string) error {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return err
	}
	s, err := nats.NewServer(&nats.Options{
		Host: host, Port: port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: true,
	})
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return errors.New("nats-server does not get ready")
	}
	return nil
}

// Nobody answers pings while a benchmark runs: it is shorter than the first one.
const pingInterval = 10 * time.Minute

func serveCentrifuge(addr string) error {
	node, err := centrifuge.New(centrifuge.Config{LogLevel: centrifuge.LogLevelNone})
	if err != nil {
		return err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{UserID: "bench"}}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{}, nil)
		})
		client.OnPublish(func(_ centrifuge.PublishEvent, answer centrifuge.PublishCallback) {
			answer(centrifuge.PublishReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return err
	}
	http.Handle("/connection", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		PingPongConfig: centrifuge.PingPongConfig{PingInterval: pingInterval, PongTimeout: time.Minute},
	}))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	go func() { log.Fatal(http.Serve(l, nil)) }()
	return nil
}
