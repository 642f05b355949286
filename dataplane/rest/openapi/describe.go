package openapi

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
)

// Describer describes schemas for rest, in OpenAPI 2.0.
type Describer struct {
	// Engine runs the function that comes before each request, where there is one; nil for nobody.
	Engine *engine.Engine
	// Version is shown as the API's.
	Version string
}

// Describe writes what of the schema the request's caller may use. base is the service's address; a configured one goes before.
func (d Describer) Describe(ctx context.Context, r *engine.Request, _ *catalog.Catalog, s *catalog.Schema, base string) ([]byte, error) {
	rights, err := Ask(ctx, d.Engine, r, s)
	if err != nil {
		return nil, err
	}
	if r.Config.ProxyURI != "" {
		base = r.Config.ProxyURI
	}
	return Swagger(&Source{Schema: s, Rights: rights, Base: base, Version: d.Version, Security: r.Config.Security}), nil
}

// Ask asks what the request's caller may do with the objects of a schema: after the function that comes before each request, which may
// change who that is.
func Ask(ctx context.Context, e *engine.Engine, r *engine.Request, s *catalog.Schema) (rights Rights, err error) {
	stmt, ignore := Privileges(s), r.Config.OpenAPIMode == "ignore-privileges"
	read := func(rows pgx.Rows) (err error) {
		rights, err = ReadRights(rows, ignore)
		return err
	}
	if r.Config.PreRequest == "" || e == nil {
		return rights, r.Session.Query(ctx, projectdb.Options{ReadOnly: true}, stmt, read)
	}
	asking := *r
	asking.Op = engine.Read
	err = e.InTx(ctx, &asking, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, stmt.SQL, stmt.Args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		return read(rows)
	})
	return rights, err
}
