package engine

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// errUndone ends a transaction that is to be rolled back though nothing is wrong.
var errUndone = errors.New("engine: rolled back as asked")

// transaction is what a context within InTx knows: the catalog that holds there, and whether a newer one was asked for. Looking for one
// would take a second connection of the project's while the first is held.
type transaction struct {
	catalog *catalog.Catalog
	behind  bool
}

type transactionKey struct{}

func within(ctx context.Context) *transaction {
	t, _ := ctx.Value(transactionKey{}).(*transaction)
	return t
}

// InTx runs fn in one transaction as the caller of r, which says with which settings: for several actions that are done all or none.
// Of r only the session, the configuration, the schema, the preferences and the request's settings matter. What fn does with the engine
// it does with the context that it is given. It is run a second time, in another transaction, when it named what the catalog did not have
// and a newer one may.
func (e *Engine) InTx(ctx context.Context, r *Request, fn func(context.Context, pgx.Tx) error) error {
	c, err := e.catalogs.Get(ctx, r.Session, r.Config.Exposure)
	if err != nil {
		return err
	}
	known := &transaction{catalog: c}
	err = e.inTx(context.WithValue(ctx, transactionKey{}, known), r, c, fn)
	if err == nil || !known.behind {
		return err
	}
	current, checkErr := e.catalogs.Check(ctx, r.Session, r.Config.Exposure)
	if checkErr != nil || current == c {
		return err
	}
	return e.inTx(context.WithValue(ctx, transactionKey{}, &transaction{catalog: current}), r, current, fn)
}

func (e *Engine) inTx(ctx context.Context, r *Request, c *catalog.Catalog, fn func(context.Context, pgx.Tx) error) error {
	schema, err := plan.Schema(c, r.Config.Schemas, r.Schema)
	if err != nil {
		return err
	}
	a := &Action{Schema: schema, engine: e, request: r, catalog: c, settings: true}
	o := a.options()
	err = r.Session.InTx(ctx, o, func(tx pgx.Tx) error {
		for _, s := range o.Settings {
			if _, err := tx.Exec(ctx, "select pg_catalog.set_config($1, $2, true)", s.Name, s.Value); err != nil {
				return err
			}
		}
		if r.Config.PreRequest != "" {
			if _, err := tx.Exec(ctx, a.preRequest()); err != nil {
				return err
			}
			after := a.bound(early)
			if _, err := tx.Exec(ctx, after.SQL, after.Args...); err != nil {
				return err
			}
		}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		if o.Rollback {
			if _, err := tx.Exec(ctx, "set constraints all immediate"); err != nil {
				return err
			}
			return errUndone
		}
		return nil
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	return err
}

// RunTx runs the action within a transaction of InTx. Rows come before it is committed. What is refused for the number of its rows, it is
// for the caller to undo by returning the error.
func (a *Action) RunTx(ctx context.Context, tx pgx.Tx, row Row) (*Outcome, error) {
	p := &pass{Action: a, row: row}
	var batch projectdb.Batch
	p.fill(&batch)
	upsert := a.Statement.Write != nil && a.Statement.Write.Resolution != ""
	if upsert { // an earlier operation may have counted
		if _, err := tx.Exec(ctx, "select pg_catalog.set_config('rest.inserted', '', true)"); err != nil {
			return nil, err
		}
	}
	if explain := a.weigh(); explain != nil {
		if err := each(ctx, tx, *explain, a.afford); err != nil {
			return nil, err
		}
	}
	for i, s := range batch.Statements {
		if i <= p.early {
			continue // once is enough
		}
		if err := each(ctx, tx, s, func(rows pgx.Rows) error { return p.read(i, rows) }); err != nil {
			return nil, err
		}
	}
	if err := p.release(); err != nil {
		return nil, err
	}
	return &a.outcome, a.finish()
}

// each runs one statement of a transaction.
func each(ctx context.Context, tx pgx.Tx, s projectdb.Statement, read func(pgx.Rows) error) error {
	rows, err := tx.Query(ctx, s.SQL, append([]any{pgx.QueryResultFormats{pgx.TextFormatCode}}, s.Args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if err := read(rows); err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}
