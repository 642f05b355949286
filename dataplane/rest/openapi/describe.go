package openapi

import (
	"context"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
)

// Describer describes schemas for rest, in OpenAPI 2.0.
type Describer struct {
	// Version is shown as the API's.
	Version string
}

// Describe writes what of the schema the request's caller may use. base is the service's address; a configured one goes before.
func (d Describer) Describe(ctx context.Context, r *engine.Request, _ *catalog.Catalog, s *catalog.Schema, base string) ([]byte, error) {
	rights, err := Ask(ctx, r.Session, projectdb.Options{ReadOnly: true}, s, r.Config.OpenAPIMode == "ignore-privileges")
	if err != nil {
		return nil, err
	}
	if r.Config.ProxyURI != "" {
		base = r.Config.ProxyURI
	}
	return Swagger(&Source{Schema: s, Rights: rights, Base: base, Version: d.Version, Security: r.Config.Security}), nil
}
