package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// limited takes the time back that code of the project's may have given what comes after it. Nothing in it depends on the search path,
// which such code can set too.
const limited = `case when pg_catalog.interval_gt(pg_catalog.current_setting('statement_timeout')::pg_catalog.interval, $1::pg_catalog.text::pg_catalog.interval)
 or pg_catalog.interval_lt(pg_catalog.current_setting('statement_timeout')::pg_catalog.interval, '1 ms')
 then pg_catalog.set_config('statement_timeout', $1::pg_catalog.text, true) end`

// again is a select of nothing, for bound.
const again = "select null"

// bound is a select of settings that besides holds the rest of the transaction to the time that the project's plan gives a statement.
func (a *Action) bound(settings string) projectdb.Statement {
	most := a.request.Session.Project.Limits.StatementTimeout
	if most <= 0 {
		return projectdb.Statement{SQL: settings}
	}
	return projectdb.Statement{SQL: settings + ", " + limited, Args: []any{strconv.FormatInt(most.Milliseconds(), 10) + "ms"}}
}

// left reads what is left in settings, by the function before requests or by all.
func (p *pass) left(early bool, rows pgx.Rows) error {
	if !rows.Next() {
		return rows.Err()
	}
	raw := rows.RawValues()
	p.status, p.headers = string(raw[0]), string(raw[1])
	if early {
		_ = p.finish() // what is wrong with them is said at the end
		return rows.Err()
	}
	p.outcome.Inserted, _ = strconv.ParseInt(string(raw[2]), 10, 64)
	return rows.Err()
}

// finish reads what the database set of the answer.
func (a *Action) finish() error {
	a.outcome.Status, a.outcome.Headers = 0, nil
	if a.status != "" {
		n, err := strconv.Atoi(a.status)
		if err != nil || n < 100 || n > 599 {
			return &query.Error{Status: http.StatusInternalServerError, Code: "PGRST112", Message: "response.status guc must be a valid status code"}
		}
		a.outcome.Status = n
	}
	if a.headers != "" {
		headers, ok := headerList(a.headers)
		if !ok {
			return &query.Error{Status: http.StatusInternalServerError, Code: "PGRST111",
				Message: "response.headers guc must be a JSON array composed of objects with a single key and a string value"}
		}
		a.outcome.Headers = headers
	}
	return nil
}

// maxHeaders bounds what of an answer's headers the database may set, in bytes.
const maxHeaders = 64 << 10

func headerList(text string) ([]Header, bool) {
	if len(text) > maxHeaders {
		return nil, false
	}
	var list []map[string]*string
	if json.Unmarshal([]byte(text), &list) != nil || list == nil {
		return nil, false
	}
	var out []Header
	for _, one := range list {
		if len(one) != 1 {
			return nil, false
		}
		for name, value := range one {
			if value == nil {
				return nil, false
			}
			out = append(out, Header{name, *value})
		}
	}
	return out, true
}

// locate notes the key of the row that was inserted.
func (p *pass) locate(w *plan.Write, values [][]byte) {
	if len(values) != len(w.Location) {
		return
	}
	p.outcome.Location = make([][2]string, len(values))
	p.outcome.LocationNull = make([]bool, len(values))
	for i, v := range values {
		p.outcome.Location[i] = [2]string{w.Location[i], string(v)}
		p.outcome.LocationNull[i] = v == nil
	}
}

// explained is the part of an EXPLAIN that counts.
type explained []struct {
	Plan struct {
		Rows float64 `json:"Plan Rows"`
		Cost float64 `json:"Total Cost"`
	} `json:"Plan"`
}

func readPlan(rows pgx.Rows) (out explained, err error) {
	if rows.Next() {
		err = json.Unmarshal(rows.RawValues()[0], &out)
	}
	if err == nil {
		err = rows.Err()
	}
	if err == nil && len(out) != 1 {
		err = fmt.Errorf("engine: an EXPLAIN of %d plans", len(out))
	}
	return out, err
}

// estimate takes the planner's guess of how many rows there are. It stands in for a count that was cut short.
func (p *pass) estimate(rows pgx.Rows) error {
	out, err := readPlan(rows)
	if err != nil {
		return err
	}
	guess := int64(out[0].Plan.Rows)
	if p.request.Prefer.Count == "planned" {
		p.outcome.Total = guess
		return nil
	}
	if most := p.request.Config.MaxRows; most <= 0 || p.outcome.Total > most {
		p.outcome.Total = max(p.outcome.Total, guess)
	}
	return nil
}

// guard refuses a read that costs too much by the planner's reckoning. It takes a round trip, so reads by key are let through.
func (a *Action) guard(ctx context.Context) error {
	explain := a.weigh()
	if explain == nil {
		return nil
	}
	o := a.options()
	o.ReadOnly = true
	return a.request.Session.Query(ctx, o, *explain, a.afford)
}

// weigh is the statement that asks the planner what a read costs; nil where there is no limit, or no need.
func (a *Action) weigh() *projectdb.Statement {
	if a.request.Config.MaxCost <= 0 || a.Statement.Read == nil || a.Statement.Form.ExplainFormat != "" || a.byKey() {
		return nil
	}
	s := *a.Statement
	s.Form.Explain, s.Form.ExplainFormat = []string{}, "JSON"
	explain := sqlgen.Rows(&s)
	return &projectdb.Statement{SQL: explain.SQL, Args: explain.Args, Plain: a.plain}
}

// afford refuses what costs more than the limit.
func (a *Action) afford(rows pgx.Rows) error {
	out, err := readPlan(rows)
	if err != nil {
		return err
	}
	most := a.request.Config.MaxCost
	if cost := out[0].Plan.Cost; cost > most {
		return &query.Error{Status: http.StatusBadRequest, Code: "QUERY_COST_EXCEEDED", Message: "The query would cost too much",
			Details: fmt.Sprintf("The planner reckons with a cost of %.0f; the limit is %.0f.", cost, most),
			Hint:    "Filter by an indexed column, ask for fewer rows, or let an index serve the query."}
	}
	return nil
}

// preRequest calls the function that runs before each request.
func (a *Action) preRequest() string {
	name := a.request.Config.PreRequest
	schema, function, qualified := strings.Cut(name, ".")
	if !qualified {
		return "select " + pg.Ident(name) + "()"
	}
	return "select " + pg.Ident(a.request.Session.Project.Schema(schema)) + "." + pg.Ident(function) + "()"
}

// duration reads a time as Postgres writes it: a number of milliseconds, or one with a unit.
func duration(text string) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz ")
	n, err := strconv.ParseFloat(digits, 64)
	unit, ok := units[strings.TrimSpace(text[len(digits):])]
	if !ok || err != nil || !(n >= 0 && n*unit.Seconds() < 1e9) {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

var units = map[string]time.Duration{"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
	"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
