package auth_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

// asOwner gives fn a connection of the project's owner, as psql has one.
func asOwner(b *authtest.Bundle, fn func(c *pgx.Conn) error) {
	b.T.Helper()
	developer := b.Door.Bind(b.Project, projectdb.Caller{Developer: "test"})
	require.NoError(b.T, developer.AsOwner(b.T.Context(), fn))
}

// physical writes the schemas of SQL as they are called in the project.
func physical(b *authtest.Bundle, sql string) string {
	return strings.NewReplacer("auth.", pgx.Identifier{b.Project.Schema("auth")}.Sanitize()+".", `"auth".`, pgx.Identifier{b.Project.Schema("auth")}.Sanitize()+".",
		"public.", pgx.Identifier{b.Project.Schema("public")}.Sanitize()+".").Replace(sql)
}

// restore does what psql does with a dump: statements, and rows between COPY and \.
func restore(b *authtest.Bundle, dump string) {
	b.T.Helper()
	asOwner(b, func(c *pgx.Conn) error {
		for dump != "" {
			before, rest, found := strings.Cut(dump, "\nCOPY ")
			if _, err := c.PgConn().Exec(b.T.Context(), before).ReadAll(); err != nil {
				return err
			}
			if !found {
				return nil
			}
			head, rest, _ := strings.Cut(rest, "\n")
			rows, after, _ := strings.Cut(rest, "\\.\n")
			if _, err := c.PgConn().CopyFrom(b.T.Context(), bytes.NewReader([]byte(rows)), "COPY "+head); err != nil {
				return err
			}
			dump = "\n" + after
		}
		return nil
	})
}

// TestUsersOfSupabaseKeepSigningIn imports a dump of a Supabase project's schema auth, as its owner, and signs each of its people in by the way that they
// had: password, refresh token, link that was sent, second factor, identity elsewhere.
func TestUsersOfSupabaseKeepSigningIn(t *testing.T) {
	dump, err := os.ReadFile("testdata/supabase_dump.sql")
	require.NoError(t, err)
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		restore(b, physical(b, string(dump)))
		const password = "correct horse battery"
		b = b.With(map[string]string{"auth.phone.enabled": "true", "auth.anonymous.enabled": "true"})

		ada := b.Call("POST", "/token?grant_type=password", "", map[string]string{"email": "ada@example.com", "password": password})
		require.Equal(t, 200, ada.Status, ada.Text)
		require.Equal(t, "Ada", ada.User()["user_metadata"].(map[string]any)["name"])
		b.Refused(b.Call("POST", "/token?grant_type=password", "", map[string]string{"email": "ada@example.com", "password": "wrong"}), 400, "invalid_credentials")

		renewed := b.Call("POST", "/token?grant_type=refresh_token", "", map[string]string{"refresh_token": "s8kq2PzXv1LmWb7rTn4eYg"})
		require.Equal(t, 200, renewed.Status, renewed.Text)
		require.Equal(t, ada.User()["id"], renewed.User()["id"])
		require.Equal(t, 200, b.Call("GET", "/user", renewed.Str("access_token"), nil).Status)
		require.Greater(t, b.Count("select max(id) from refresh_tokens"), 42, "the sequence goes on where it was")

		byPhone := b.Call("POST", "/token?grant_type=password", "", map[string]string{"phone": "+15551234567", "password": password})
		require.Equal(t, 200, byPhone.Status, byPhone.Text)

		grace := b.Call("POST", "/token?grant_type=password", "", map[string]string{"email": "grace@example.com", "password": password})
		require.Equal(t, 200, grace.Status, grace.Text)
		require.Equal(t, "navy", grace.User()["app_metadata"].(map[string]any)["team"])
		require.Len(t, grace.User()["identities"], 2)
		factor := grace.User()["factors"].([]any)[0].(map[string]any)["id"].(string)
		code, err := totp.GenerateCode("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", time.Now())
		require.NoError(t, err)
		challenge := b.Call("POST", "/factors/"+factor+"/challenge", grace.Str("access_token"), `{}`)
		require.Equal(t, 200, challenge.Status, challenge.Text)
		raised := b.Call("POST", "/factors/"+factor+"/verify", grace.Str("access_token"), map[string]string{"challenge_id": challenge.Str("id"), "code": code})
		require.Equal(t, 200, raised.Status, raised.Text)

		verify := map[string]string{"type": "recovery", "email": "grace@example.com", "token": "482913"}
		b.Refused(b.Call("POST", "/verify", "", verify), 403, "otp_expired")
		b.Exec("update users set recovery_sent_at = now() where email = 'grace@example.com'")
		b.Exec("update one_time_tokens set created_at = now() at time zone 'UTC', updated_at = now() at time zone 'UTC'")
		recovered := b.Call("POST", "/verify", "", verify)
		require.Equal(t, 200, recovered.Status, "a code that was under way at the time of the dump is good: "+recovered.Text)

		require.Equal(t, 5, b.Count("select count(*) from users"))
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries where payload ->> 'action' = 'login' and ip_address = '192.0.2.4'"))
		require.Equal(t, 1, b.Count("select count(*) from identities where provider = 'google' and email = 'alan@example.com'"))
	})
}

// TestAnImportedIdentityIsFound signs a person in by the identity that a dump brought.
func TestAnImportedIdentityIsFound(t *testing.T) {
	dump, err := os.ReadFile("testdata/supabase_dump.sql")
	require.NoError(t, err)
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		// The dump's Google is played by a server of ours, as a provider of the project's own.
		restore(b, physical(b, strings.ReplaceAll(string(dump), "\tgoogle\t", "\tcustom:elsewhere\t")))
		people := oidc.New(t)
		made := b.Call("POST", "/admin/custom-providers", authtest.Secret, map[string]any{"provider_type": "oidc", "identifier": "custom:elsewhere", "name": "Elsewhere",
			"client_id": oidc.ClientID, "client_secret": oidc.ClientSecret, "issuer": people.URL})
		require.Less(t, made.Status, 300, made.Text)
		token := people.IDToken(map[string]any{"iss": people.URL, "aud": oidc.ClientID, "sub": "110000000000000000003", "email": "alan@example.com", "email_verified": true,
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
		out := b.Call("POST", "/token?grant_type=id_token", "", map[string]string{"provider": "custom:elsewhere", "id_token": token})
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a03", out.User()["id"])
		require.Equal(t, 5, b.Count("select count(*) from users"))
	})
}

// TestTheProjectsOwnTablesFollowUsers: user SQL refers to auth.users and is triggered by it, as Supabase's documentation shows.
func TestTheProjectsOwnTablesFollowUsers(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		asOwner(b, func(c *pgx.Conn) error {
			_, err := c.Exec(t.Context(), physical(b, `
				create table public.profiles (id uuid primary key references auth.users (id) on delete cascade, name text);
				alter table public.profiles enable row level security;
				create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
				begin
					insert into public.profiles (id, name) values (new.id, new.raw_user_meta_data ->> 'name');
					return new;
				end $$;
				create trigger on_auth_user_created after insert on auth.users for each row execute procedure public.handle_new_user();`), pgx.QueryExecModeSimpleProtocol)
			return err
		})
		out := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"correct horse","data":{"name":"Ada"}}`)
		require.Equal(t, 200, out.Status, out.Text)
		var name string
		read := func(c *pgx.Conn) error {
			return c.QueryRow(t.Context(), physical(b, "select name from public.profiles where id = $1"), out.User()["id"]).Scan(&name)
		}
		asOwner(b, read)
		require.Equal(t, "Ada", name)

		removed := b.Call(http.MethodDelete, "/admin/users/"+out.User()["id"].(string), authtest.Secret, nil)
		require.Equal(t, 200, removed.Status, removed.Text)
		developer := b.Door.Bind(b.Project, projectdb.Caller{Developer: "test"})
		require.ErrorIs(t, developer.AsOwner(t.Context(), read), pgx.ErrNoRows, "the profile went with its user")

		var refused *pgconn.PgError
		err := developer.AsOwner(t.Context(), func(c *pgx.Conn) error {
			_, err := c.Exec(t.Context(), physical(b, "drop table auth.users cascade"))
			return err
		})
		require.ErrorAs(t, err, &refused, "the tables stay the service's")
		require.Equal(t, "42501", refused.Code)
	})
}
