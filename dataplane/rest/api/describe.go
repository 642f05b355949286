package api

import (
	"net/http"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/openapi"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// describe answers at /openapi.json: what the caller may use.
func (q *request) describe() error {
	if err := q.methods(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	if q.config.OpenAPIMode == "disabled" {
		return &failure{status: http.StatusNotFound, code: "DESCRIPTION_DISABLED", message: "This project does not describe itself.",
			hint: "A developer of the project can change its setting rest.openapi_mode."}
	}
	ctx := q.http.Context()
	schema, err := q.described(ctx, false)
	if err != nil {
		return err
	}
	rights, err := openapi.Ask(ctx, q.Engine, q.begin(engine.Read, "", &asked{Query: &query.Query{}}), schema)
	if err != nil {
		return err
	}
	q.head("application/json")
	s := &stream{w: q.w, shape: single}
	s.buffer = openapi.Document(&openapi.Source{Schema: schema, Rights: rights, Base: q.base(), Version: q.Version,
		Aggregates: q.config.Aggregates, Named: schema.Name != q.config.Schemas[0]})
	s.finish(q.http, http.StatusOK)
	return nil
}

// base is the address of the project as the client sees it: a path of the worker's own address, or the host that it asked.
func (q *request) base() string {
	scheme := "https"
	if q.http.TLS == nil && q.http.Header.Get("X-Forwarded-Proto") != "https" {
		scheme = "http"
	}
	return scheme + "://" + strings.Map(func(r rune) rune {
		if r <= ' ' || r == '"' || r == '<' || r == '>' || r == '\\' {
			return -1
		}
		return r
	}, q.http.Host) + q.http.Header.Get("X-Forwarded-Prefix")
}
