package rest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// root answers with the description of the schema.
func (x *exchange) root() error {
	if !x.reads() {
		return unsupportedMethod(x.r.Method)
	}
	if x.config.RootSpec != "" {
		x.target, x.call = x.config.RootSpec, true
		x.request.Op, x.request.Target, x.request.ReadOnly, x.request.Bodiless = engine.Call, x.target, true, x.r.Method == http.MethodHead
		return x.perform()
	}
	if x.config.OpenAPIMode == "disabled" || x.describer == nil {
		return &query.Error{Status: http.StatusNotFound, Code: "PGRST126", Message: "Root endpoint metadata is disabled"}
	}
	kind := ""
	accept := query.ParseAccept(x.r.Header["Accept"])
	for _, m := range accept {
		switch m.Type {
		case "*/*", "application/*", "application/openapi+json":
			kind = "application/openapi+json; charset=utf-8"
		case "application/json":
			kind = engine.JSON
		default:
			continue
		}
		break
	}
	if kind == "" {
		names := make([]string, len(accept))
		for i, m := range accept {
			names[i] = m.String()
		}
		return &query.Error{Status: http.StatusNotAcceptable, Code: "PGRST107", Message: "None of these media types are available: " + strings.Join(names, ", ")}
	}
	x.clock.lap(parsing)
	ctx := x.r.Context()
	c, s, err := x.engine.Schema(ctx, &x.request)
	if err != nil {
		return err
	}
	x.clock.lap(planning)
	x.request.Headers = x.headers
	body, err := x.describer.Describe(ctx, &x.request, c, s, x.base())
	if err != nil {
		return err
	}
	x.clock.lap(transacting)
	header := x.w.Header()
	header.Set("Content-Type", kind)
	header["Vary"] = varyHeader
	if len(x.config.Schemas) > 1 {
		header.Set("Content-Profile", s.Name)
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if timing := x.clock.header(); timing != "" {
		header.Set("Server-Timing", timing)
	}
	x.w.WriteHeader(http.StatusOK)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body)
	}
	return nil
}

// base is the address of the service as the client sees it.
func (x *exchange) base() string {
	scheme := "http"
	if x.r.TLS != nil || strings.EqualFold(x.r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	path, _, _ := strings.Cut(x.r.RequestURI, "?")
	path = strings.TrimSuffix(strings.TrimSuffix(path, x.r.URL.Path), "/")
	if !strings.HasPrefix(path, "/") {
		path = ""
	}
	return scheme + "://" + x.r.Host + path
}

// allow answers OPTIONS: which methods there are.
func (x *exchange) allow() error {
	_, s, err := x.engine.Schema(x.r.Context(), &x.request)
	if err != nil {
		return err
	}
	methods := "OPTIONS,GET,HEAD"
	switch {
	case x.target == "":
	case x.call:
		methods, err = ofFunction(s, x.target)
	default:
		var relation *catalog.Relation
		if relation, err = plan.Relation(s, x.target); err == nil {
			methods = ofRelation(relation)
		}
	}
	if err != nil {
		return err
	}
	x.w.Header().Set("Allow", methods)
	x.w.WriteHeader(http.StatusOK)
	return nil
}

func ofRelation(r *catalog.Relation) string {
	methods := "OPTIONS,GET,HEAD"
	if r.Insertable {
		methods += ",POST"
	}
	if r.Insertable && r.Updatable && len(r.PrimaryKey()) > 0 {
		methods += ",PUT"
	}
	if r.Updatable {
		methods += ",PATCH"
	}
	if r.Deletable {
		methods += ",DELETE"
	}
	return methods
}

func ofFunction(s *catalog.Schema, name string) (string, error) {
	overloads := s.Functions[name]
	for _, f := range overloads {
		if f.Volatility != "v" {
			return "OPTIONS,GET,HEAD,POST", nil
		}
	}
	if len(overloads) == 0 {
		return "", &query.Error{Status: http.StatusNotFound, Code: "PGRST202",
			Message: "Could not find the function " + s.Name + "." + name + " in the schema cache"}
	}
	return "OPTIONS,POST", nil
}
