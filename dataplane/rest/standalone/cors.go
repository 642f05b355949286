package standalone

import (
	"net/http"
	"slices"
	"strings"
)

const (
	corsMethods = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
	corsExposed = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, Range-Unit"
	corsMaxAge  = "86400"
)

// allowOrigin answers a browser's question by itself and reports whether it was one; else it adds to the answer what a browser needs
// to show it to a page of another origin.
func allowOrigin(w http.ResponseWriter, r *http.Request, origins []string) (answered bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || len(origins) > 0 && !slices.Contains(origins, origin) {
		return false
	}
	header := w.Header()
	if len(origins) == 0 {
		header.Set("Access-Control-Allow-Origin", "*")
	} else {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		header.Set("Access-Control-Expose-Headers", corsExposed)
		return false
	}
	allowed := []string{"Authorization"}
	for name := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			allowed = append(allowed, name)
		}
	}
	allowed = append(allowed, "Accept", "Accept-Language", "Content-Language")
	header.Set("Access-Control-Allow-Methods", corsMethods)
	header.Set("Access-Control-Allow-Headers", strings.Join(allowed, ", "))
	header.Set("Access-Control-Max-Age", corsMaxAge)
	w.WriteHeader(http.StatusOK)
	return true
}
