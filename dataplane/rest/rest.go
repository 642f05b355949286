// Package rest serves a project's tables, views and functions over HTTP, in PostgREST's protocol: it parses a request (query,
// payload), lets package engine plan and run it as the caller, and writes what comes back.
package rest

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
)

// Deps are what the service needs.
type Deps struct {
	Log *slog.Logger
	// Engine runs the requests.
	Engine *engine.Engine
	// Config is how the session's project wants REST to behave; nil for what its settings say. What it returns is not changed.
	Config func(*projectdb.Session) *engine.Config
	// Describer answers at the root; nil for nobody.
	Describer Describer
}

// Describer describes a schema: package openapi's.
type Describer interface {
	// Describe returns an OpenAPI description (2.0) of what of the schema the request's caller may use. base is the address of the
	// service as the client sees it, without a slash at its end.
	Describe(ctx context.Context, r *engine.Request, c *catalog.Catalog, s *catalog.Schema, base string) ([]byte, error)
}

type handler struct {
	log       *slog.Logger
	engine    *engine.Engine
	config    func(*projectdb.Session) *engine.Config
	describer Describer
}

// New makes the service. Its requests carry a projectdb.Session.
func New(deps Deps) http.Handler {
	h := &handler{log: deps.Log, engine: deps.Engine, config: deps.Config, describer: deps.Describer}
	if h.config == nil {
		h.config = ProjectConfig
	}
	return h
}
