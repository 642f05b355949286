package rest

import (
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
)

// ProjectConfig is how a hosted project wants REST to behave: its settings.
func ProjectConfig(s *projectdb.Session) *engine.Config { panic("later") }
