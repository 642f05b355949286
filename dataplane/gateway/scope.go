package gateway

import (
	"net/http"
	"path"

	"github.com/wayli-app/fluxbase/internal/scope"
)

// demand is the scope that requests below a path of a service need of a bounded key.
type demand struct {
	service, prefix string
	// read is for GET, HEAD and OPTIONS, write for the other methods.
	read, write scope.Scope
	// open needs no scope.
	open bool
}

// demands are all that a bounded key opens: the first row that fits counts, and what fits none is refused.
var demands = []demand{
	{service: "rest", read: scope.TablesRead, write: scope.TablesWrite},

	{service: "auth", prefix: "/admin", read: scope.AuthAdmin, write: scope.AuthAdmin},
	{service: "auth", prefix: "/invite", read: scope.AuthAdmin, write: scope.AuthAdmin},
	{service: "auth", prefix: "/audit", read: scope.AuthAdmin, write: scope.AuthAdmin},
	{service: "auth", open: true},

	{service: "api", prefix: "/auth/admin", read: scope.AuthAdmin, write: scope.AuthAdmin},
	{service: "api", prefix: "/auth", open: true},
	{service: "api", prefix: "/tables", read: scope.TablesRead, write: scope.TablesWrite},
	{service: "api", prefix: "/rpc", read: scope.TablesRead, write: scope.TablesWrite},
	{service: "api", prefix: "/transaction", read: scope.TablesWrite, write: scope.TablesWrite},
	{service: "api", prefix: "/openapi.json", read: scope.TablesRead, write: scope.TablesRead},
	{service: "api", prefix: "/storage", read: scope.StorageRead, write: scope.StorageWrite},
	{service: "api", prefix: "/functions", read: scope.FunctionsInvoke, write: scope.FunctionsInvoke},
	{service: "api", prefix: "/realtime", read: scope.RealtimeSubscribe, write: scope.RealtimeSubscribe},

	// Storage's clients list and sign for reading by POST.
	{service: "storage", prefix: "/object/list", read: scope.StorageRead, write: scope.StorageRead},
	{service: "storage", prefix: "/object/list-v2", read: scope.StorageRead, write: scope.StorageRead},
	{service: "storage", prefix: "/object/sign", read: scope.StorageRead, write: scope.StorageRead},
	{service: "storage", read: scope.StorageRead, write: scope.StorageWrite},

	{service: "functions", read: scope.FunctionsInvoke, write: scope.FunctionsInvoke},
	{service: "realtime", read: scope.RealtimeSubscribe, write: scope.RealtimeSubscribe},
	{service: "meta", read: scope.SQLRun, write: scope.SQLRun},
}

// outOfScope refuses what a bounded key was not given.
func outOfScope(key apiKey, s *service, method, inner string) *refusal {
	if !key.scopes.Bounded() {
		return nil
	}
	inner = path.Clean(inner) // no service may take "//admin" for "/admin" and find it open
	for i := range demands {
		d := &demands[i]
		if d.service != s.Name || d.prefix != "" && !below(inner, d.prefix) {
			continue
		}
		needed := d.write
		switch {
		case d.open:
			return nil
		case method == http.MethodGet, method == http.MethodHead, method == http.MethodOptions:
			needed = d.read
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
