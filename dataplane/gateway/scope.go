package gateway

import (
	"net/http"
	"path"

	"github.com/wayli-app/fluxbase/internal/scope"
)

// demand is the scope that requests below a path need of a bounded key.
type demand struct {
	path string
	// read is for GET, HEAD and OPTIONS, write for the other methods.
	read, write scope.Scope
	// of, when set, goes by the method and the path below instead; zero is what no scope opens.
	of func(method, path string) scope.Scope
	// open needs no scope.
	open bool
}

// demands are all that a bounded key opens: the first row that fits counts, and what fits none is refused.
var demands = []demand{
	{path: "/rest/v1", read: scope.TablesRead, write: scope.TablesWrite},

	{path: "/auth/v1/admin", read: scope.AuthAdmin, write: scope.AuthAdmin},
	{path: "/auth/v1/invite", read: scope.AuthAdmin, write: scope.AuthAdmin},
	{path: "/auth/v1/audit", read: scope.AuthAdmin, write: scope.AuthAdmin},
	{path: "/auth/v1", open: true},

	{path: "/api/v1/auth/admin", read: scope.AuthAdmin, write: scope.AuthAdmin},
	{path: "/api/v1/auth", open: true},
	{path: "/api/v1/tables", read: scope.TablesRead, write: scope.TablesWrite},
	{path: "/api/v1/rpc", read: scope.TablesRead, write: scope.TablesWrite},
	{path: "/api/v1/transaction", read: scope.TablesWrite, write: scope.TablesWrite},
	{path: "/api/v1/openapi.json", read: scope.TablesRead, write: scope.TablesRead},
	{path: apiStoragePrefix, of: apiStorageScope},
	{path: "/api/v1/functions", read: scope.FunctionsInvoke, write: scope.FunctionsInvoke},
	{path: "/api/v1/realtime", read: scope.RealtimeSubscribe, write: scope.RealtimeSubscribe},

	{path: storagePrefix, of: storageScope},

	{path: "/functions/v1", read: scope.FunctionsInvoke, write: scope.FunctionsInvoke},
	{path: "/realtime/v1", read: scope.RealtimeSubscribe, write: scope.RealtimeSubscribe},
	{path: "/meta/v1", read: scope.SQLRun, write: scope.SQLRun},
}

// outOfScope refuses what a bounded key was not given.
func outOfScope(key apiKey, s *service, method, inner string) *refusal {
	if !key.scopes.Bounded() {
		return nil
	}
	asked := path.Join(s.Prefix, inner) // no service may take "//admin" for "/admin" and find it open
	for i := range demands {
		d := &demands[i]
		if !below(asked, d.path) {
			continue
		}
		needed := d.write
		switch {
		case d.open:
			return nil
		case d.of != nil:
			needed = d.of(method, inner)
		case method == http.MethodGet, method == http.MethodHead, method == http.MethodOptions:
			needed = d.read
		}
		if needed == 0 {
			break
		}
		if key.scopes.Has(needed) {
			return nil
		}
		no := errScope
		no.message = "The API key lacks the scope " + needed.String() + "."
		no.hint = "Use a key that has the scope " + needed.String() + ", or one without scopes."
		return &no
	}
	no := errScope
	no.message = "No scope of an API key opens this path."
	no.hint = "Use a key without scopes."
	return &no
}
