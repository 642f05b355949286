package sso_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
)

func TestProvidersByTheAdminAPI(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		xml := i.metadataXML()
		mapping := map[string]any{"keys": map[string]any{"name": map[string]any{"name": "cn"}}}
		made := b.Call("POST", "/admin/sso/providers", authtest.Secret, map[string]any{"type": "saml", "metadata_xml": xml, "resource_id": "acme/one",
			"domains": []string{"Example.com", "example.org", "example.com"}, "attribute_mapping": mapping, "name_id_format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"})
		require.Equal(t, 201, made.Status, made.Text)
		id := made.Str("id")
		saml := made.Body["saml"].(map[string]any)
		require.Equal(t, "https://idp.example/metadata", saml["entity_id"])
		require.Equal(t, xml, saml["metadata_xml"])
		require.Equal(t, mapping, saml["attribute_mapping"])
		require.Equal(t, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", saml["name_id_format"])
		require.Equal(t, []any{map[string]any{"domain": "example.com"}, map[string]any{"domain": "example.org"}}, made.Body["domains"])
		require.NotContains(t, saml, "metadata_url")

		list := b.Call("GET", "/admin/sso/providers", authtest.Secret, nil)
		require.Equal(t, id, list.Body["items"].([]any)[0].(map[string]any)["id"])
		require.NotContains(t, list.Text, "metadata_xml")
		for query, n := range map[string]int{"?resource_id=acme/one": 1, "?resource_id=acme": 0, "?resource_id_prefix=acme/": 1, "?resource_id_prefix=b": 0} {
			require.Len(t, b.Call("GET", "/admin/sso/providers"+query, authtest.Secret, nil).Body["items"], n, query)
		}
		require.Equal(t, made.Body, b.Call("GET", "/admin/sso/providers/"+id, authtest.Secret, nil).Body)

		changed := b.Call("PUT", "/admin/sso/providers/"+id, authtest.Secret, map[string]any{"domains": []string{"example.org", "example.net"}, "disabled": true, "name_id_format": ""})
		require.Equal(t, 200, changed.Status, changed.Text)
		require.Equal(t, []any{map[string]any{"domain": "example.org"}, map[string]any{"domain": "example.net"}}, changed.Body["domains"])
		require.Equal(t, true, changed.Body["disabled"])
		require.Equal(t, mapping, changed.Body["saml"].(map[string]any)["attribute_mapping"], "what is not named stays")
		require.NotContains(t, changed.Body["saml"], "name_id_format")
		require.Equal(t, "acme/one", changed.Str("resource_id"))

		gone := b.Call("DELETE", "/admin/sso/providers/"+id, authtest.Secret, nil)
		require.Equal(t, 200, gone.Status)
		require.Equal(t, id, gone.Str("id"))
		b.Refused(b.Call("GET", "/admin/sso/providers/"+id, authtest.Secret, nil), 404, "sso_provider_not_found")
		require.Zero(t, b.Count("select (select count(*) from saml_providers) + (select count(*) from sso_domains)"))
		require.Equal(t, 3, b.Count("select count(*) from audit_log_entries where payload->>'action' like 'sso_provider_%'"))
	})
}

func TestProvidersThatAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i, other := newIDP(t, b, "idp"), newIDP(t, b, "other")
		id := i.register(map[string]any{"domains": []string{"example.com"}, "resource_id": "one"})
		user := b.SignIn(b.User("ada@example.com", ""))
		for _, bearer := range []string{"", user.AccessToken} {
			for _, call := range [][2]string{{"GET", ""}, {"POST", ""}, {"GET", "/" + id}, {"PUT", "/" + id}, {"DELETE", "/" + id}} {
				b.Refused(b.Call(call[0], "/admin/sso/providers"+call[1], bearer, map[string]any{}), 403, "not_admin")
			}
		}
		xml := other.metadataXML()
		for name, c := range map[string]struct {
			body   map[string]any
			status int
			code   string
		}{
			"no type":                         {map[string]any{"metadata_xml": xml}, 400, "validation_failed"},
			"no metadata":                     {map[string]any{"type": "saml"}, 400, "validation_failed"},
			"metadata twice":                  {map[string]any{"type": "saml", "metadata_xml": xml, "metadata_url": "https://x.example"}, 400, "validation_failed"},
			"metadata that is no XML":         {map[string]any{"type": "saml", "metadata_xml": "hello"}, 400, "validation_failed"},
			"metadata of no provider":         {map[string]any{"type": "saml", "metadata_xml": strings.ReplaceAll(xml, "IDPSSODescriptor", "SPSSODescriptor")}, 400, "validation_failed"},
			"metadata without certificates":   {map[string]any{"type": "saml", "metadata_xml": strings.ReplaceAll(xml, `use="signing"`, `use="encryption"`)}, 400, "validation_failed"},
			"metadata with a broken one":      {map[string]any{"type": "saml", "metadata_xml": strings.ReplaceAll(xml, "<X509Certificate xmlns=\"http://www.w3.org/2000/09/xmldsig#\">MII", "<X509Certificate xmlns=\"http://www.w3.org/2000/09/xmldsig#\">MIX")}, 400, "validation_failed"},
			"metadata with many":              {map[string]any{"type": "saml", "metadata_xml": certificateForm.ReplaceAllStringFunc(xml, func(one string) string { return strings.Repeat(one, 11) })}, 400, "validation_failed"},
			"metadata that leads to a script": {map[string]any{"type": "saml", "metadata_xml": strings.ReplaceAll(xml, "https://other.example/sso", "javascript:alert(1)")}, 400, "validation_failed"},
			"metadata without an entity id":   {map[string]any{"type": "saml", "metadata_xml": strings.Replace(xml, "https://other.example/metadata", "", 1)}, 400, "validation_failed"},
			"an address of another scheme":    {map[string]any{"type": "saml", "metadata_url": "file:///etc/passwd"}, 400, "validation_failed"},
			"an address of plain http":        {map[string]any{"type": "saml", "metadata_url": "http://idp.example/metadata"}, 400, "validation_failed"},
			"an address inside":               {map[string]any{"type": "saml", "metadata_url": "https://169.254.169.254/latest"}, 400, "saml_metadata_fetch_failed"},
			"an entity that is known":         {map[string]any{"type": "saml", "metadata_xml": i.metadataXML()}, 422, "saml_idp_already_exists"},
			"a domain that is taken":          {map[string]any{"type": "saml", "metadata_xml": xml, "domains": []string{"EXAMPLE.com"}}, 400, "sso_domain_already_exists"},
			"a domain that is none":           {map[string]any{"type": "saml", "metadata_xml": xml, "domains": []string{"ada@example.com"}}, 400, "validation_failed"},
			"a name id format that is none":   {map[string]any{"type": "saml", "metadata_xml": xml, "name_id_format": "x"}, 400, "validation_failed"},
			"a resource id that is taken":     {map[string]any{"type": "saml", "metadata_xml": xml, "resource_id": "ONE"}, 422, "conflict"},
			"a mapping of the wrong form":     {map[string]any{"type": "saml", "metadata_xml": xml, "attribute_mapping": map[string]any{"keys": []string{"a"}}}, 400, "bad_json"},
			"a mapping that is too large":     {map[string]any{"type": "saml", "metadata_xml": xml, "attribute_mapping": map[string]any{"keys": map[string]any{"a": map[string]any{"default": strings.Repeat("x", 20<<10)}}}}, 400, "validation_failed"},
		} {
			out := b.Call("POST", "/admin/sso/providers", authtest.Secret, c.body)
			require.Equal(t, c.status, out.Status, name+": "+out.Text)
			require.Equal(t, c.code, out.Code(), name+": "+out.Text)
		}
		require.Equal(t, 1, b.Count("select count(*) from sso_providers"))
		second := other.register(map[string]any{"domains": []string{"example.org"}})
		b.Refused(b.Call("PUT", "/admin/sso/providers/"+second, authtest.Secret, map[string]any{"metadata_xml": i.metadataXML()}), 400, "saml_entity_id_mismatch")
		b.Refused(b.Call("PUT", "/admin/sso/providers/"+second, authtest.Secret, map[string]any{"domains": []string{"example.org", "example.com"}}), 400, "sso_domain_already_exists")
		b.Refused(b.Call("PUT", "/admin/sso/providers/"+second, authtest.Secret, map[string]any{"resource_id": "one"}), 422, "conflict")
		b.Refused(b.Call("PUT", "/admin/sso/providers/nothing", authtest.Secret, map[string]any{}), 404, "sso_provider_not_found")
		require.Equal(t, 200, b.Call("GET", "/admin/sso/providers/resource_one", authtest.Secret, nil).Status)
		b.Refused(b.Call("GET", "/admin/sso/providers/resource_two", authtest.Secret, nil), 404, "sso_provider_not_found")
	})
}

var certificateForm = regexp.MustCompile(`<X509Certificate[^>]*>[^<]*</X509Certificate>`)

func TestMetadataByAddress(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		var status, asked atomic.Int32
		var body atomic.Value
		status.Store(200)
		body.Store(i.metadataXML())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(int(status.Load()))
			_, _ = w.Write([]byte(body.Load().(string)))
		}))
		t.Cleanup(server.Close)
		create := func() authtest.Answer {
			return b.Call("POST", "/admin/sso/providers", authtest.Secret, map[string]any{"type": "saml", "metadata_url": server.URL})
		}
		status.Store(404)
		b.Refused(create(), 400, "saml_metadata_fetch_failed")
		status.Store(200)
		body.Store(strings.Repeat(" ", 2<<20))
		b.Refused(create(), 400, "saml_metadata_fetch_failed")
		body.Store(i.metadataXML())
		made := create()
		require.Equal(t, 201, made.Status, made.Text)
		require.Equal(t, server.URL, made.Body["saml"].(map[string]any)["metadata_url"])

		id, before := made.Str("id"), asked.Load()
		i.begin(map[string]any{"provider_id": id})
		require.Equal(t, before, asked.Load(), "what is fresh is not asked for")

		// The provider changes its key, and the metadata is a day old.
		keys, err := rogue()
		require.NoError(t, err)
		i.Key, i.Certificate = keys.key, keys.certificate
		body.Store(strings.ReplaceAll(i.metadataXML(), "https://idp.example/sso", "https://idp.example/sso2"))
		b.Exec("update saml_providers set updated_at = now() - interval '10 days', metadata_xml = regexp_replace(metadata_xml, '(validUntil|cacheDuration)=\"[^\"]*\"', '', 'g')")
		address := i.begin(map[string]any{"provider_id": id})
		require.Contains(t, address, "https://idp.example/sso2?")
		i.SSOURL.Path = "/sso2"
		fragment(t, post2(b, i, address), "https://app.example.com")
		require.Equal(t, before+1, asked.Load())

		// It becomes another provider: what is known stays, and it is not asked at each sign-in.
		body.Store(strings.ReplaceAll(i.metadataXML(), "https://idp.example/metadata", "https://evil.example/metadata"))
		b.Exec("update saml_providers set updated_at = now() - interval '10 days', metadata_xml = regexp_replace(metadata_xml, '(validUntil|cacheDuration)=\"[^\"]*\"', '', 'g')")
		i.begin(map[string]any{"provider_id": id})
		i.begin(map[string]any{"provider_id": id})
		require.Equal(t, before+2, asked.Load())
		require.Equal(t, 1, b.Count("select count(*) from saml_providers where entity_id = 'https://idp.example/metadata' and metadata_xml like '%sso2%'"))
	})
}

// Whoever knows the id of another project's provider can write a row of the same id, whose metadata cannot be had.
func TestAProviderElsewhereOfTheSameIDHoldsUpNoRefresh(t *testing.T) {
	t.Parallel()
	b := authtest.New(t, true)
	mount(b)
	neighbour := authtest.New(t, true)
	neighbour.Router = b.Router
	b, neighbour = bundle(b), bundle(neighbour)
	i, own := newIDP(t, b, "idp"), newIDP(t, neighbour, "own")
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(i.metadataXML()))
	}))
	t.Cleanup(server.Close)
	const old = `updated_at = now() - interval '10 days', metadata_xml = regexp_replace(metadata_xml, '(validUntil|cacheDuration)="[^"]*"', '', 'g')`
	made := b.Call("POST", "/admin/sso/providers", authtest.Secret, map[string]any{"type": "saml", "metadata_url": server.URL})
	require.Equal(t, 201, made.Status, made.Text)
	id := made.Str("id")
	b.Exec("update saml_providers set " + old)

	copied := own.register(map[string]any{})
	neighbour.Exec("insert into sso_providers (id) values ($1)", id)
	neighbour.Exec("update saml_providers set sso_provider_id = $1, metadata_url = 'http://127.0.0.1:1/', "+old+" where sso_provider_id = $2", id, copied)
	own.begin(map[string]any{"provider_id": id})

	require.EqualValues(t, 1, asked.Load())
	i.begin(map[string]any{"provider_id": id})
	require.EqualValues(t, 2, asked.Load())
}
