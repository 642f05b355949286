package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/admin"
	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/link"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/signup"
	"github.com/wayli-app/fluxbase/dataplane/auth/user"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// mount adds the routes under test, with those by which users sign in and follow links.
func mount(b *authtest.Bundle) {
	proofs := proof.New(proof.Deps{Guard: b.Guard, Messages: b.Messages, Sessions: b.Sessions, Users: b.Users})
	admin.New(admin.Deps{Hasher: b.Hasher, Rules: b.Rules, Users: b.Users, Sessions: b.Sessions, Letters: b.Letters, Messages: b.Messages}).Routes(b.Router)
	user.New(user.Deps{Guard: b.Guard, Hasher: b.Hasher, Rules: b.Rules, Sessions: b.Sessions, Letters: b.Letters, Proofs: proofs, Messages: b.Messages}).Routes(b.Router)
	link.New(link.Deps{Guard: b.Guard, Proofs: proofs, Sessions: b.Sessions}).Routes(b.Router)
	s := signup.New(signup.Deps{Guard: b.Guard, Hooks: b.Hooks, Hasher: b.Hasher, Rules: b.Rules, Users: b.Users, Sessions: b.Sessions, Letters: b.Letters})
	s.Routes(b.Router)
	b.Router.Handle(http.MethodPost, "/token", func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		return s.Grants()["password"](w, r, bound)
	})
}

func call(b *authtest.Bundle, method, path string, body any) authtest.Answer {
	b.T.Helper()
	return b.Call(method, path, authtest.Secret, body)
}

func made(b *authtest.Bundle, body string) authtest.Answer {
	b.T.Helper()
	out := call(b, "POST", "/admin/users", body)
	require.Equal(b.T, 200, out.Status, out.Text)
	return out
}

func signIn(b *authtest.Bundle, email, password string) authtest.Answer {
	b.T.Helper()
	return b.Call("POST", "/token?grant_type=password", "", map[string]any{"email": email, "password": password})
}

const nobody = "b8a3e0f2-6f0c-4c58-8a3b-0d5c1d7c4f11"

func TestOnlyAdminsMayDoAnyOfIt(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		access := b.SignIn(b.User("ada@example.com", "")).AccessToken
		router := protocol.NewRouter(nil)
		admin.New(admin.Deps{}).Routes(router)
		require.NotEmpty(t, router.Routes())
		for _, route := range router.Routes() {
			method, path, _ := strings.Cut(route, " ")
			path = strings.NewReplacer("{id}", nobody, "{factor}", nobody, "{session}", nobody).Replace(path)
			for _, bearer := range []string{"", access} {
				out := b.Call(method, path, bearer, `{}`)
				b.Refused(out, 403, "not_admin")
			}
		}
	})
}
