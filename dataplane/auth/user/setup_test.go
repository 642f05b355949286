package user_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/link"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/signup"
	"github.com/wayli-app/fluxbase/dataplane/auth/user"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// mount adds the routes under test, with those that confirm a change and sign in.
func mount(b *authtest.Bundle) {
	proofs := proof.New(proof.Deps{Guard: b.Guard, Messages: b.Messages, Sessions: b.Sessions, Users: b.Users})
	user.New(user.Deps{Guard: b.Guard, Hasher: b.Hasher, Rules: b.Rules, Sessions: b.Sessions, Letters: b.Letters, Proofs: proofs, Messages: b.Messages}).Routes(b.Router)
	link.New(link.Deps{Guard: b.Guard, Proofs: proofs, Sessions: b.Sessions}).Routes(b.Router)
	s := signup.New(signup.Deps{Guard: b.Guard, Hooks: b.Hooks, Hasher: b.Hasher, Rules: b.Rules, Users: b.Users, Sessions: b.Sessions, Letters: b.Letters})
	s.Routes(b.Router)
	b.Router.Handle(http.MethodPost, "/token", func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		return s.Grants()["password"](w, r, bound)
	})
}

// person is a user who is signed in.
type person struct {
	id      uuid.UUID
	access  string
	refresh string
}

func signedIn(b *authtest.Bundle, email, password string) person {
	b.T.Helper()
	id := b.User(email, password)
	granted := b.SignIn(id)
	return person{id, granted.AccessToken, granted.RefreshToken}
}

func signIn(b *authtest.Bundle, email, password string) authtest.Answer {
	b.T.Helper()
	return b.Call("POST", "/token?grant_type=password", "", map[string]any{"email": email, "password": password})
}

func put(b *authtest.Bundle, p person, body string) authtest.Answer {
	b.T.Helper()
	return b.Call("PUT", "/user", p.access, body)
}

// codeOf is the code of a message that was sent.
func codeOf(t *testing.T, sent map[string]any) string {
	t.Helper()
	secret, _ := sent["secret"].(map[string]any)
	code, _ := secret["token"].(string)
	if code == "" {
		t.Fatalf("no code in %v", sent)
	}
	return code
}

func field(sent map[string]any, name string) string {
	m, _ := sent["message"].(map[string]any)
	s, _ := m[name].(string)
	return s
}
