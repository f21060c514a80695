// main.go TCP_PORT WS_PORT - the broker mochi-mqtt; at SIGTERM it prints what clients published.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

type counter struct {
	mqtt.HookBase
	n atomic.Int64
}

func (c *counter) ID() string { return "counter" }

func (c *counter) Provides(b byte) bool { return bytes.Contains([]byte{mqtt.OnPublished}, []byte{b}) }

func (c *counter) OnPublished(cl *mqtt.Client, _ packets.Packet) {
	if !cl.Net.Inline {
		c.n.Add(1)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	c := new(counter)
	s := mqtt.New(&mqtt.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(s.AddHook(new(auth.AllowHook), nil))
	must(s.AddHook(c, nil))
	must(s.AddListener(listeners.NewTCP(listeners.Config{ID: "tcp", Address: "127.0.0.1:" + os.Args[1]})))
	must(s.AddListener(listeners.NewWebsocket(listeners.Config{ID: "ws", Address: "127.0.0.1:" + os.Args[2]})))
	must(s.Serve())
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	<-ended
	fmt.Printf("published %d\n", c.n.Load())
}
