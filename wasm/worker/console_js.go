package worker

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"syscall/js"
)

// console is a slog.Handler that writes to the browser's console, which shows level and time itself.
type console struct {
	slog.Handler // writes text to line
	host         js.Value
	line         *line // shared with the handlers derived from this one
}

type line struct {
	sync.Mutex
	bytes.Buffer
}

func newConsole(host js.Value) *console {
	l := new(line)
	text := slog.NewTextHandler(&l.Buffer, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}})
	return &console{text, host, l}
}

func (c *console) Handle(ctx context.Context, r slog.Record) error {
	c.line.Lock()
	defer c.line.Unlock()
	c.line.Reset()
	if err := c.Handler.Handle(ctx, r); err != nil {
		return err
	}
	c.host.Call("log", consoleLevel(r.Level), strings.TrimSuffix(c.line.String(), "\n"))
	return nil
}

func (c *console) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &console{c.Handler.WithAttrs(attrs), c.host, c.line}
}

func (c *console) WithGroup(name string) slog.Handler {
	return &console{c.Handler.WithGroup(name), c.host, c.line}
}

func consoleLevel(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "error"
	case level >= slog.LevelWarn:
		return "warn"
	case level >= slog.LevelInfo:
		return "info"
	}
	return "debug"
}
