package engine

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
)

// Prepare plans a request. Its errors are *query.Error, or those of the catalogs.
func (e *Engine) Prepare(ctx context.Context, r *Request) (*Action, error) {
	if t := within(ctx); t != nil {
		a, err := e.plan(t.catalog, r)
		t.behind = t.behind || missing(err)
		return a, err
	}
	c, err := e.catalogs.Get(ctx, r.Session, r.Config.Exposure)
	if err != nil {
		return nil, err
	}
	a, err := e.plan(c, r)
	if missing(err) {
		// It may have been made a moment ago.
		current, checkErr := e.catalogs.Check(ctx, r.Session, r.Config.Exposure)
		if checkErr != nil {
			return nil, checkErr
		}
		if current != c {
			return e.plan(current, r)
		}
	}
	return a, err
}

// Schema finds the schema that a request names, with its catalog.
func (e *Engine) Schema(ctx context.Context, r *Request) (*catalog.Catalog, *catalog.Schema, error) {
	if t := within(ctx); t != nil {
		s, err := plan.Schema(t.catalog, r.Config.Schemas, r.Schema)
		return t.catalog, s, err
	}
	c, err := e.catalogs.Get(ctx, r.Session, r.Config.Exposure)
	if err != nil {
		return nil, nil, err
	}
	s, err := plan.Schema(c, r.Config.Schemas, r.Schema)
	return c, s, err
}

// Fresh is Schema with a catalog that is as new as the call; within a transaction, as new as that.
func (e *Engine) Fresh(ctx context.Context, r *Request) (*catalog.Catalog, *catalog.Schema, error) {
	if t := within(ctx); t != nil {
		t.behind = true
		return e.Schema(ctx, r)
	}
	c, err := e.catalogs.Check(ctx, r.Session, r.Config.Exposure)
	if err != nil {
		return nil, nil, err
	}
	s, err := plan.Schema(c, r.Config.Schemas, r.Schema)
	return c, s, err
}

// missing reports whether err may come from a catalog that is behind the database.
func missing(err error) bool {
	if err == nil {
		return false
	}
	var refusal *query.Error
	var refused *pgconn.PgError
	code := ""
	switch {
	case errors.As(err, &refusal):
		code = refusal.Code
	case errors.As(err, &refused):
		code = refused.Code
	}
	switch code {
	case "PGRST200", "PGRST201", "PGRST202", "PGRST203", "PGRST204", "PGRST205", "42703", "42P01", "42883", "42704", "3F000":
		return true
	}
	return false
}

func (e *Engine) plan(c *catalog.Catalog, r *Request) (*Action, error) {
	schema, err := plan.Schema(c, r.Config.Schemas, r.Schema)
	if err != nil {
		return nil, err
	}
	a := &Action{Schema: schema, engine: e, request: r, catalog: c, limit: -1, outcome: Outcome{Total: -1}}
	o := plan.Options{
		Exposed: r.Config.Schemas, MaxRows: r.Config.MaxRows, Aggregates: r.Config.Aggregates,
		MaxDepth: r.Config.MaxDepth, RequireFilter: r.Config.RequireFilter,
	}
	switch r.Op {
	case Read:
		err = a.planRead(o)
	case Call:
		err = a.planCall(o)
	default:
		err = a.planWrite(o)
	}
	if err != nil {
		return nil, err
	}
	a.timezone = r.Prefer.Timezone
	if !r.Prefer.Strict() && !c.Timezones[a.timezone] && !offsetZone(a.timezone) {
		a.timezone = "" // the server's own
	}
	if a.Statement != nil {
		a.main = sqlgen.Rows(a.Statement)
		a.plain, a.settings = a.Statement.Plain(), a.Statement.ReadsSettings()
	}
	return a, nil
}

// offsetZone reports whether a time zone is an offset, which no list of names has: the server judges it.
func offsetZone(zone string) bool {
	return zone != "" && (zone[0] == '-' || zone[0] == '+' || (zone[0] >= '0' && zone[0] <= '9'))
}

func (r *Request) whole() bool {
	s := r.Query.Select
	return s == nil || (len(s) == 1 && s[0].Star)
}

// settle takes on the choice of a media type.
func (a *Action) settle(c choice, rows bool) plan.Form {
	a.MediaType, a.Single = c.mediaType, c.single && c.form.ExplainFormat == ""
	if !rows {
		c.form.Kind, c.form.Handler, c.form.StripNulls = plan.FormCount, nil, false
	}
	return c.form
}

// relation finds the target of a read or a write, and chooses the form of its rows.
func (a *Action) relation() (choice, error) {
	r := a.request
	relation, err := plan.Relation(a.Schema, r.Target)
	if err != nil {
		return choice{}, err
	}
	a.Relation = relation
	p := producer{schema: a.Schema, relation: relation, whole: r.whole(), plans: r.Config.Plans}
	return p.negotiate(r.Accept)
}

func (a *Action) planRead(o plan.Options) error {
	r := a.request
	c, err := a.relation()
	if err != nil {
		return err
	}
	form := a.settle(c, !r.Bodiless)
	read, err := plan.NewRead(a.catalog, a.Schema, a.Relation, &r.Query.Node, o)
	if err != nil {
		return err
	}
	a.Statement = &plan.Statement{Read: read, Form: form}
	a.offset, a.limit = max(read.Offset, 0), read.Limit
	return nil
}

func (a *Action) planWrite(o plan.Options) error {
	r := a.request
	c, err := a.relation()
	if err != nil {
		return err
	}
	if (r.Op == Update || r.Op == Delete) && (r.Query.Limit >= 0 || r.Query.Offset >= 0) && len(r.Query.Where) == 0 {
		// The protocol takes no notice of them, and would change every row. With a filter clients send them for what is returned.
		return &query.Error{Status: http.StatusBadRequest, Code: "PGRST127", Message: "limit and offset do not choose the rows of an update or a deletion",
			Hint: "Add a filter that does, for example by the primary key."}
	}
	var w *plan.Write
	switch r.Op {
	case Insert:
		w, err = plan.NewInsert(a.catalog, a.Schema, a.Relation, r.Query, r.Prefer, r.Body, o)
	case Put:
		w, err = plan.NewPut(a.catalog, a.Schema, a.Relation, r.Query, r.Prefer, r.Body, o)
	case Update:
		w, err = plan.NewUpdate(a.catalog, a.Schema, a.Relation, r.Query, r.Prefer, r.Body, o)
	default:
		w, err = plan.NewDelete(a.catalog, a.Schema, a.Relation, r.Query, r.Prefer, o)
	}
	if err != nil {
		return err
	}
	form := a.settle(c, r.Prefer.Return == "representation")
	a.Statement = &plan.Statement{Write: w, Form: form}
	return nil
}

func (a *Action) planCall(o plan.Options) error {
	r := a.request
	read, err := plan.NewCall(a.catalog, a.Schema, r.Target, r.Query, r.Body, o)
	if err != nil {
		return err
	}
	f := read.Call.Function
	a.Function, a.Relation = f, read.Relation
	p := producer{schema: a.Schema, relation: a.Relation, function: f, whole: r.whole(), plans: r.Config.Plans}
	c, err := p.negotiate(r.Accept)
	if err != nil {
		return err
	}
	if r.Prefer.Strict() && r.Prefer.MaxAffected >= 0 && !f.Set {
		return &query.Error{Status: http.StatusBadRequest, Code: "PGRST128",
			Message: "Function must return SETOF or TABLE when max-affected preference is used with handling=strict"}
	}
	form := a.settle(c, !r.Bodiless && f.Returns != "void")
	a.Statement = &plan.Statement{Read: read, Form: form}
	if !f.Set {
		read.Limit, read.Offset = -1, -1
		a.Bare, a.Single = true, false
		return nil
	}
	a.offset, a.limit = max(read.Offset, 0), read.Limit
	rows := form.ExplainFormat == "" && (form.Kind == plan.FormJSON || form.Kind == plan.FormColumns || form.Kind == plan.FormGeoJSON || form.Kind == plan.FormCount)
	if r.Prefer.Count != "" && !a.readOnly() && rows {
		// It must run once: all rows come, are counted, and those outside of the window are left out.
		read.Limit, read.Offset, a.windowed = -1, -1, true
	}
	return nil
}

func (a *Action) readOnly() bool {
	switch {
	case a.request.Op == Read:
		return true
	case a.Function != nil:
		return a.request.ReadOnly || a.Function.Volatility != "v"
	}
	return false
}
