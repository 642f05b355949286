package auth

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

type healthBody struct {
	Version     string `json:"version"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// health tells that the service answers. It does not ask the database: a worker's own readiness is /readyz.
func (s *Service) health(w http.ResponseWriter, _ *http.Request, _ *projectdb.Session) error {
	writeJSON(w, http.StatusOK, healthBody{Version: s.version, Name: "Fluxbase Auth", Description: "User registration and authentication, compatible with GoTrue"})
	return nil
}
