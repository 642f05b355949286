package newuser_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func mount(*authtest.Bundle) {}

func insert(b *authtest.Bundle, u *newuser.User) (made *store.User) {
	b.InTx(func(tx *store.Tx) (err error) {
		made, err = newuser.New(b.Hooks).Insert(b.T.Context(), tx, b.Project, u)
		return err
	})
	return made
}

func TestUsersAreMadeAsTheyCame(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		said := protocol.Metadata{"name": json.RawMessage(`"Ada"`), "gone": json.RawMessage("null")}
		own := insert(b, &newuser.User{Email: "ada@example.com", Phone: "31600000001", EmailConfirmed: true, Data: said})
		id := own.ID.String()
		require.JSONEq(t, `{"provider":"email","providers":["email","phone"]}`, string(own.AppMetadata))
		require.JSONEq(t, `{"name":"Ada","sub":"`+id+`","email":"ada@example.com","phone":"31600000001","email_verified":true,"phone_verified":false}`, string(own.UserMetadata))
		var identities []map[string]any
		require.NoError(t, json.Unmarshal(own.Identities, &identities))
		require.Len(t, identities, 2)
		require.Equal(t, id, identities[0]["id"])
		require.NotNil(t, own.EmailConfirmed)
		require.Nil(t, own.PhoneConfirmed)
		require.Equal(t, 1, b.Count(`select count(*) from audit_log_entries where payload->>'action' = 'user_signedup' and payload->>'actor_id' = $1`, id))

		at := insert(b, &newuser.User{Email: "eve@example.com", EmailConfirmed: true, Data: protocol.Metadata{"iss": json.RawMessage(`"x"`)},
			Identities: []newuser.Identity{{Provider: "google", ProviderID: "117", Data: protocol.Metadata{"sub": json.RawMessage(`"117"`)}}}})
		require.JSONEq(t, `{"provider":"google","providers":["google"]}`, string(at.AppMetadata))
		require.JSONEq(t, `{"iss":"x"}`, string(at.UserMetadata))
		require.Contains(t, string(at.Identities), `"117"`)

		nobody := insert(b, &newuser.User{Anonymous: true, Data: said})
		require.True(t, nobody.Anonymous)
		require.JSONEq(t, `{}`, string(nobody.AppMetadata))
		require.JSONEq(t, `[]`, string(nobody.Identities))

		until := time.Now().Add(time.Hour)
		given := insert(b, &newuser.User{Email: "bob@example.com", Given: true, Data: said, AppData: protocol.Metadata{"plan": json.RawMessage("1")}, Role: "anon",
			BannedUntil: &until, ByService: true, Action: "user_invited", Invited: true})
		require.JSONEq(t, `{"name":"Ada"}`, string(given.UserMetadata))
		require.JSONEq(t, `{"provider":"email","providers":["email"],"plan":1}`, string(given.AppMetadata))
		require.Equal(t, "anon", given.Role)
		require.True(t, given.Banned(time.Now()))
		require.NotNil(t, given.Invited)
		require.Equal(t, 1, b.Count(`select count(*) from audit_log_entries where payload->>'action' = 'user_invited' and payload->>'actor_username' = 'service_role'`))

		require.Nil(t, insert(b, &newuser.User{Email: "ada@example.com"}), "the address is taken")
		require.Nil(t, insert(b, &newuser.User{Phone: "31600000001"}), "the number is taken")
		require.Nil(t, insert(b, &newuser.User{ID: own.ID, Email: "other@example.com"}), "the id is taken")
		require.Zero(t, b.Count("select count(*) from identities where email = 'other@example.com'"), "an identity must not go to the user who has the id")
		require.NotNil(t, insert(b, &newuser.User{Email: "ada@example.com", SSO: true, Identities: []newuser.Identity{{Provider: "sso:x", ProviderID: "1", Data: protocol.Metadata{}}}}))
	})
}

func TestAnIdentityIsOneUsers(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		google := []newuser.Identity{{Provider: "google", ProviderID: "117", Data: protocol.Metadata{}}}
		insert(b, &newuser.User{Identities: google})
		err := store.InTx(t.Context(), b.Session(), func(tx *store.Tx) error {
			_, err := newuser.New(nil).Insert(t.Context(), tx, b.Project, &newuser.User{Identities: google})
			return err
		})
		require.ErrorIs(t, err, protocol.ErrConflict)
		require.Equal(t, 1, b.Count("select count(*) from users"))
	})
}

func TestTheProjectsHookIsAskedBeforeAUserIsMade(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b.Exec(`create function check_user(event jsonb) returns jsonb language plpgsql as $$ begin
			if event->'metadata'->>'name' <> 'before-user-created' or event->'user'->>'id' is null or event->'user'->'app_metadata'->>'provider' <> 'email' then
				return '{"error":{"http_code":400,"message":"the event has another form"}}';
			end if;
			if event->'user'->>'email' like '%@evil.example' then return '{"error":{"http_code":403,"message":"Not from there."}}'; end if;
			return '{}'; end $$`)
		maker := newuser.New(b.Hooks)
		bound := func(b *authtest.Bundle) error {
			return maker.Check(t.Context(), b.Session(), &newuser.User{Email: "a@evil.example"})
		}
		require.NoError(t, bound(b), "the hook is off")
		b = b.With(map[string]string{"auth.hook.before_user_created.enabled": "true", "auth.hook.before_user_created.uri": `"pg-functions://postgres/auth/check_user"`})
		refused := fault.From(bound(b))
		require.Equal(t, fault.Denied, refused.Kind)
		require.Equal(t, "Not from there.", refused.Message)
		u := &newuser.User{Email: "a@good.example"}
		require.NoError(t, maker.Check(t.Context(), b.Session(), u))
		require.Equal(t, u.ID, insert(b, u).ID)
	})
}

func TestAddressesAndNumbersAreConfirmedAndChanged(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		ctx := t.Context()
		nobody := insert(b, &newuser.User{Anonymous: true})
		email, phone := "ada@example.com", "31600000001"
		b.InTx(func(tx *store.Tx) error {
			_, outcome, err := store.UpdateUser(ctx, tx, nobody.ID, store.Change{EmailWanted: &email, PhoneWanted: &phone})
			require.Equal(t, store.Changed, outcome)
			return err
		})
		var user *store.User
		b.InTx(func(tx *store.Tx) error {
			outcome, err := store.ConfirmEmailChange(ctx, tx, nobody.ID)
			require.NoError(t, err)
			require.Equal(t, store.Changed, outcome)
			outcome, err = store.ConfirmPhoneChange(ctx, tx, nobody.ID)
			require.NoError(t, err)
			require.Equal(t, store.Changed, outcome)
			outcome, err = store.ConfirmPhoneChange(ctx, tx, nobody.ID)
			require.NoError(t, err)
			require.Equal(t, store.NotChanged, outcome, "nothing is wanted any more")
			user, err = store.UserByEmail(ctx, tx, email)
			return err
		})
		require.False(t, user.Anonymous)
		require.Equal(t, phone, user.Phone)
		require.NotNil(t, user.EmailConfirmed)
		require.NotNil(t, user.PhoneConfirmed)
		require.JSONEq(t, `{"provider":"email","providers":["email","phone"]}`, string(user.AppMetadata))
		require.JSONEq(t, `{"email_verified":true,"phone_verified":true}`, string(user.UserMetadata))
		require.Contains(t, string(user.Identities), email)

		other := insert(b, &newuser.User{Email: "eve@example.com", EmailConfirmed: true})
		err := store.InTx(ctx, b.Session(), func(tx *store.Tx) error {
			_, _, err := store.UpdateUser(ctx, tx, other.ID, store.Change{EmailWanted: &email})
			require.NoError(t, err)
			outcome, err := store.ConfirmEmailChange(ctx, tx, other.ID)
			require.Equal(t, store.EmailTaken, outcome)
			require.NoError(t, err)
			return protocol.ErrEmailExists
		})
		require.ErrorIs(t, err, protocol.ErrEmailExists)
	})
}
