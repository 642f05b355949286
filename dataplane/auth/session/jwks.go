package session

import (
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/token"
)

func publicKeys(p *directory.Project) ([]byte, error) { return token.JWKS(p.SigningKeys) }
