package projectdb

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// Door holds the pools of all projects of a worker.
type Door struct{}

func (d *Door) query(ctx context.Context, s *Session, o Options, stmt Statement, read func(pgx.Rows) error) error {
	panic("being written")
}

func (d *Door) inTx(ctx context.Context, s *Session, o Options, fn func(pgx.Tx) error) error {
	panic("being written")
}

func (d *Door) inService(ctx context.Context, p *directory.Project, schema string, fn func(pgx.Tx) error) error {
	panic("being written")
}

func (d *Door) asOwner(ctx context.Context, s *Session, fn func(*pgx.Conn) error) error {
	panic("being written")
}
