package auth_test

import (
	"testing"

	"github.com/wayli-app/fluxbase/dataplane/auth"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// TestTheTableOfRoutes holds docs/auth-routes.md to the routes that are mounted and the tests that there are.
func TestTheTableOfRoutes(t *testing.T) {
	t.Parallel()
	testkit.RequireRoutes(t, "../../docs/auth-routes.md", auth.New(auth.Deps{Log: testkit.Logger(t)}).Routes())
}
