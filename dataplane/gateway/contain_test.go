package gateway

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// TestWhatAProjectSetsStaysWithIt: a project's database chooses headers of its answers. They must not open its content as a page, nor reach
// the console or another project.
func TestWhatAProjectSetsStaysWithIt(t *testing.T) {
	t.Parallel()
	s := newSample(t, func(x *directoryv1.Snapshot) { x.Hosts = []string{"api.customer.com"} })
	b := setup(t, nil, s)
	own := request{host: s.project.Ref + ".example.test", path: rest}
	custom := request{host: "api.customer.com", path: rest}
	shared := request{host: "worker.example.test", path: "/p/" + s.project.Ref + rest}
	set := func(q request, pairs ...string) response {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Add(pairs[i], pairs[i+1])
		}
		q.path = q.path[:len(q.path)-len("/notes")] + "/set?" + v.Encode()
		q.header = map[string]string{"apikey": s.anon, "Cookie": "a=b"}
		return b.do(t, q)
	}
	for kind, sandboxed := range map[string]bool{
		"application/json": false, "application/json; charset=utf-8": false, "application/json;charset=utf-8": false,
		"application/json,text/html": true, "application/json;x=y, text/html": true, `application/json;x=",text/html`: true, "application/jsonp": true,
		"application/json+html": true, "text/html": true, "TEXT/HTML": true, "": true, "image/svg+xml": true, "text/html,application/json": true,
	} {
		got := set(own, "Content-Type", kind, "Content-Security-Policy", "script-src *", "X-Content-Type-Options", "sniff")
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, sandboxed, got.header.Get("Content-Security-Policy") == sandbox[0], kind)
	}
	got := set(own, "Content-Type", "application/json", "Content-Type", "text/html")
	require.Equal(t, sandbox, got.header["Content-Security-Policy"], "two types")

	beyond := []string{"Set-Cookie", "a=1; Path=/", "Set-Cookie", "b=2; DOMAIN = example.test", "Clear-Site-Data", `"*"`, "Strict-Transport-Security", "max-age=9",
		"Alt-Svc", "h3=\":1\"", "X-Request-Id", "mine", "X-Own", "kept"}
	got = set(shared, beyond...)
	for _, name := range hostwide {
		require.Empty(t, got.header[name], name)
	}
	require.Empty(t, got.header.Get("X-Cookie"), "cookies of the shared host are nobody's")
	require.Equal(t, "kept", got.header.Get("X-Own"))
	require.Len(t, got.header.Get("X-Request-Id"), 36)
	got = set(own, beyond...)
	require.Equal(t, []string{"a=1; Path=/"}, got.header["Set-Cookie"], "a cookie for all subdomains would be sent to other projects")
	require.Empty(t, got.header["Clear-Site-Data"], "it clears the cookies of the whole domain")
	require.NotEmpty(t, got.header["Strict-Transport-Security"])
	require.Equal(t, "a=b", got.header.Get("X-Cookie"))
	got = set(custom, beyond...)
	require.Len(t, got.header["Set-Cookie"], 2, "the domain is the customer's")
	require.NotEmpty(t, got.header["Clear-Site-Data"])
	require.Len(t, got.header.Get("X-Request-Id"), 36)
}
