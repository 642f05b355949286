package authtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/require"
)

// Wire counts the statements on auth's tables that a project's database is asked to run. What prepares and cleans connections, partly after the
// answer, is left out.
type Wire struct{ statements atomic.Int64 }

var onTables = regexp.MustCompile(`\b(users|identities|sessions|refresh_tokens|one_time_tokens|flow_state|mfa_factors|audit_log_entries|outbox)\b|pg_logical_emit_message`)

// Statements is how many statements ran while fn did.
func (w *Wire) Statements(fn func()) int64 {
	before := w.statements.Load()
	fn()
	return w.statements.Load() - before
}

// Counted returns the same project, whose database is reached by a wire that counts.
func (b *Bundle) Counted() (*Bundle, *Wire) {
	b.T.Helper()
	wire := &Wire{}
	listener, err := (&net.ListenConfig{}).Listen(b.T.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b.T, err)
	target := net.JoinHostPort(b.Project.Host, strconv.Itoa(b.Project.Port))
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { wire.carry(b.T.Context(), client, target) })
		}
	})
	// The door closes its connections after this; each end is then gone.
	b.T.Cleanup(func() { _ = listener.Close() })
	changed := *b.Project
	changed.Host, changed.Port = "127.0.0.1", listener.Addr().(*net.TCPAddr).Port
	changed.Revision++
	out := *b
	out.Project = &changed
	return &out, wire
}

func (w *Wire) carry(ctx context.Context, client net.Conn, target string) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	// The first message has no type.
	if _, ok := forward(client, server, 0); !ok {
		return
	}
	known := map[string]string{} // statements by name
	for {
		message, ok := forward(client, server, 1)
		if !ok {
			return
		}
		first, rest, _ := bytes.Cut(message[5:], []byte{0})
		second, _, _ := bytes.Cut(rest, []byte{0})
		text := ""
		switch message[0] {
		case 'P': // name, text
			known[string(first)] = string(second)
		case 'B': // portal, name
			text = known[string(second)]
		case 'Q':
			text = string(first)
		}
		if onTables.MatchString(text) {
			w.statements.Add(1)
		}
	}
}

// forward sends one message on and returns it. Kind is the length of its type.
func forward(client io.Reader, server io.Writer, kind int) ([]byte, bool) {
	head := make([]byte, kind+4)
	if _, err := io.ReadFull(client, head); err != nil {
		return nil, false
	}
	message := make([]byte, kind+int(binary.BigEndian.Uint32(head[kind:])))
	if _, err := io.ReadFull(client, message[copy(message, head):]); err != nil {
		return nil, false
	}
	_, err := server.Write(message)
	return message, err == nil
}
