package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/otelconnect"

	"github.com/wayli-app/fluxbase/internal/id"
)

// tracing makes spans of the API's requests when traces go somewhere.
func (s *Server) tracing() (connect.Interceptor, error) {
	if s.cfg.OTLPEndpoint == "" {
		return nil, nil
	}
	interceptor, err := otelconnect.NewInterceptor(otelconnect.WithoutServerPeerAttributes(), otelconnect.WithoutMetrics())
	if err != nil {
		return nil, fmt.Errorf("prepare traces: %w", err)
	}
	return interceptor, nil
}

// serveConfig tells the console where it is.
func (s *Server) serveConfig(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	key, err := s.platformKey(ctx)
	if err != nil || key == "" {
		w.Header().Set("Retry-After", "1")
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"message": "Fluxbase is still starting. Try again in a moment."})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"platform_url": s.cfg.PathURL(id.PlatformRef), "platform_key": key, "domain": s.cfg.Domain,
		"project_url_pattern": s.cfg.ProjectURL, "dev": s.cfg.Dev, "version": s.deps.Version,
	})
}

func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		s.deps.Log.DebugContext(ctx, "not ready", "error", err)
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}

// secured adds the headers that keep the console's origin to itself.
func (s *Server) secured(next http.Handler) http.Handler {
	connectTo := []string{"'self'"}
	for _, address := range []string{s.cfg.WorkerURL, strings.Replace(s.cfg.ProjectURL, "{ref}", "*", 1)} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			connectTo = append(connectTo, u.Scheme+"://"+u.Host)
		}
	}
	policy := strings.Join([]string{
		"default-src 'self'", "connect-src " + strings.Join(connectTo, " "), "img-src 'self' data: blob:",
		"style-src 'self' 'unsafe-inline'", "font-src 'self' data:", "object-src 'none'", "base-uri 'self'", "form-action 'self'",
		"frame-ancestors 'none'",
	}, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		if strings.HasPrefix(s.cfg.PublicURL, "https://") {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
