package catalog_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
)

func TestAddressesAreWrittenOut(t *testing.T) {
	t.Parallel()
	for _, name := range catalog.Names() {
		d, ok := catalog.Lookup(name)
		require.True(t, ok)
		for _, chosen := range []string{"", "https://own.example/x/"} {
			if d.HostedOnly && chosen == "" {
				continue
			}
			at := d.At(chosen)
			addresses := []string{at.Auth, at.Token, at.User, at.Emails, at.Issuer}
			if at.OIDC != nil {
				addresses = append(append(addresses, at.OIDC.Keys), at.OIDC.Issuers...)
			}
			for _, address := range addresses {
				require.NotContains(t, address, "{", name)
				require.NotContains(t, strings.TrimPrefix(address, "https://"), "//", name)
				u, err := url.Parse(address)
				require.NoError(t, err)
				require.True(t, address == "" || u.Scheme == "https" || address == "accounts.google.com", address)
			}
			if d.Hosted && chosen != "" {
				require.True(t, strings.HasPrefix(at.Auth, "https://own.example/x/"), name)
				require.True(t, strings.HasPrefix(at.Token, "https://own.example/x/"), name)
			}
		}
		again, _ := catalog.Lookup(name)
		require.Equal(t, d.Auth, again.Auth, "the definition itself stays")
	}
	github, _ := catalog.Lookup("github")
	require.Equal(t, "https://git.example/api/v3/user", github.At("https://git.example").User)
	_, ok := catalog.Lookup("myspace")
	require.False(t, ok)
}

func TestTenants(t *testing.T) {
	t.Parallel()
	const id = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	for _, address := range []string{"https://login.microsoftonline.com/" + id, "https://login.microsoftonline.com/" + id + "/v2.0", "https://LOGIN.microsoftonline.com/" + strings.ToUpper(id) + "/v2.0/"} {
		require.Equal(t, id, catalog.Tenant(address))
	}
	for _, address := range []string{"", "https://login.microsoftonline.com/common", "https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com.evil.example/" + id,
		"https://evil.example/https://login.microsoftonline.com/" + id, "http://login.microsoftonline.com/" + id, "https://login.microsoftonline.com/" + id + "/v1.0",
		"https://login.microsoftonline.com/" + id + "/../evil/v2.0", "https://login.microsoftonline.com/" + id + "x"} {
		require.Empty(t, catalog.Tenant(address), address)
	}
}

func TestTheBestAddress(t *testing.T) {
	t.Parallel()
	verified, primary := catalog.Email{Address: "v", Verified: true}, catalog.Email{Address: "p", Primary: true}
	for want, emails := range map[string][]catalog.Email{"": nil, "b": {{Address: "x"}, verified, {Address: "b", Verified: true, Primary: true}, primary},
		"v": {{Address: "x"}, primary, verified}, "p": {{Address: "x"}, primary}, "x": {{Address: "x"}, {Address: "y"}}} {
		best := (&catalog.Profile{Emails: emails}).Email()
		if want == "" {
			require.Nil(t, best)
			continue
		}
		require.Equal(t, want, best.Address)
	}
}

// FuzzProfile reads what providers might answer: it never fails, and never takes an address as verified of a provider that does not say so.
func FuzzProfile(f *testing.F) {
	for _, seed := range []string{`{}`, `{"id":1,"email":"a@b.c"}`, `{"data":[{"id":"x"}]}`, `{"data":{"id":7}}`, `{"bot":[1]}`, `{"images":[{"url":[]}]}`, `{"":[{"email":1,"verified":"1"}]}`,
		`{"kakao_account":{"email":"a","is_email_valid":1}}`, `{"discriminator":-3,"username":null}`, `{"locale":{"language":1}}`, `{"sub":"x","email":"a@b.c","email_verified":"yes"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in := json.NewDecoder(bytes.NewReader([]byte(text)))
		in.UseNumber()
		var raw catalog.Raw
		if in.Decode(&raw) != nil {
			return
		}
		for _, name := range catalog.Names() {
			d, _ := catalog.Lookup(name)
			d = d.At("https://own.example")
			var profiles []catalog.Profile
			if d.User != "" {
				p := d.Profile(raw)
				if d.Emails != "" {
					d.AddEmails(&p, raw)
				}
				profiles = append(profiles, p)
			}
			if d.OIDC != nil {
				profiles = append(profiles, d.IDToken(raw))
			}
			for _, p := range append(profiles, catalog.Standard(raw)) {
				if _, err := json.Marshal(p.Claims); err != nil {
					t.Fatal(err)
				}
				if name == "spotify" && len(p.Emails) == 1 && p.Emails[0].Verified && raw["email_verified"] == nil {
					t.Fatal("an address of Spotify is verified")
				}
			}
		}
	})
}
