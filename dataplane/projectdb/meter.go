package projectdb

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// meter counts down what the server may send to a service in one transaction: services collect rows before they answer, and the project's owner can
// write as many and as large ones as they like.
type meter struct{ left atomic.Int64 }

func (m *meter) reset() { m.left.Store(maxMessage) }

// attach makes connections of cfg count.
func (m *meter) attach(cfg *pgx.ConnConfig) {
	m.reset()
	cfg.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		return &meteredConn{conn, m}, nil
	}
}

type meteredConn struct {
	net.Conn
	meter *meter
}

var errTooMuch = fault.New(fault.Invalid, "RESULT_TOO_LARGE", "The result is larger than %d MiB. Ask for fewer rows.", maxMessage>>20)

// Read reads as long as there is something left.
func (c *meteredConn) Read(p []byte) (int, error) {
	if c.meter.left.Load() <= 0 {
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(p)
	c.meter.left.Add(-int64(n))
	return n, err
}
