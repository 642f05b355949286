package outbox

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// ServiceTx is a transaction on the schema of one service of one project, with what is to be done once it has committed.
type ServiceTx struct {
	pgx.Tx
	before, after []func(context.Context) error
}

var _ Tx = (*ServiceTx)(nil)

// BeforeCommit adds work that is done when the transaction's function has returned without an error, right before the commit, with no lock
// worth speaking of: telling another system of what may come. An error of it rolls back.
func (tx *ServiceTx) BeforeCommit(fn func(context.Context) error) { tx.before = append(tx.before, fn) }

// AfterCommit adds work that is done once the transaction has committed, and never otherwise. It must not fail what is done already: it
// logs its own errors. The context outlives a client that left.
func (tx *ServiceTx) AfterCommit(fn func(context.Context)) {
	tx.after = append(tx.after, func(ctx context.Context) error { fn(ctx); return nil })
}

// InService runs fn in a transaction on the service's schema of the session's project, and then what fn asked for.
func InService(ctx context.Context, session *projectdb.Session, schema string, fn func(tx *ServiceTx) error) error {
	var done []func(context.Context) error
	err := session.InService(ctx, schema, func(plain pgx.Tx) error {
		tx := &ServiceTx{Tx: plain}
		if err := fn(tx); err != nil {
			return err
		}
		for _, before := range tx.before {
			if err := before(ctx); err != nil {
				return err
			}
		}
		done = tx.after
		return nil
	})
	if err != nil {
		return err
	}
	for _, after := range done {
		_ = after(context.WithoutCancel(ctx)) // always nil
	}
	return nil
}
