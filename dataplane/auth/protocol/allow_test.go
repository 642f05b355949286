package protocol

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/setting"
)

const site = "https://app.example.com/home"

func TestRedirectsAllowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pattern, address string }{
		"the site itself":                         {"", "https://app.example.com/home"},
		"another page of the site":                {"", "https://app.example.com/a/b.html?x=1#/y"},
		"the site with its default port":          {"", "https://app.example.com:443/x"},
		"the site in capitals":                    {"", "HTTPS://APP.Example.com/x"},
		"beyond ASCII in the path":                {"", "https://app.example.com/über"},
		"an exact address":                        {"https://other.example/cb", "https://other.example/cb"},
		"a final slash":                           {"https://other.example/cb", "https://other.example/cb/"},
		"a final slash of the pattern":            {"https://other.example/cb/", "https://other.example/cb"},
		"a fragment":                              {"https://other.example/cb", "https://other.example/cb#x"},
		"a host in capitals":                      {"https://Other.Example/cb", "https://oTHER.example/cb"},
		"a host without a path":                   {"https://other.example", "https://other.example/"},
		"* within a segment":                      {"https://other.example/*/cb", "https://other.example/en-GB/cb"},
		"* of a query":                            {"https://other.example/cb*", "https://other.example/cb?next=home"},
		"* of a sub-domain":                       {"https://*.example.org/cb", "https://pr-1.example.org/cb"},
		"* within a host":                         {"https://app-*-team.vercel.app/**", "https://app-git-x-team.vercel.app/a/b?c=d.e"},
		"** of sub-domains":                       {"https://**.example.org/cb", "https://a.b.example.org/cb"},
		"** of paths":                             {"https://other.example/**", "https://other.example/a/b/c.html?x=y/z"},
		"** of no path":                           {"https://other.example/**", "https://other.example"},
		"** after the host":                       {"https://other.example**", "https://other.example/a?b=c"},
		"** after the host, which is all":         {"https://other.example**", "https://other.example"},
		"** for everything":                       {"https://**", "https://what.ever.example/a/b"},
		"? for one character":                     {"https://other.example/v?", "https://other.example/v2"},
		"a port":                                  {"http://localhost:3000/**", "http://localhost:3000/a"},
		"any port":                                {"http://localhost:*/**", "http://localhost:5173/a"},
		"a default port":                          {"https://other.example:443/cb", "https://other.example/cb"},
		"an address of IPv6":                      {"http://[::1]:3000/**", "http://[::1]:3000/cb"},
		"a scheme of an app":                      {"myapp://callback", "myapp://callback"},
		"a scheme of an app, with a slash":        {"myapp://callback", "myapp://callback/"},
		"a scheme of an app, any path":            {"myapp://**", "myapp://sign/in?x=1"},
		"a scheme of an app, without a host":      {"com.example.app:/cb", "com.example.app:/cb"},
		"a scheme of an app, three slashes":       {"myapp:///cb", "myapp:///cb"},
		"Expo's":                                  {"exp://**", "exp://192.168.1.7:8081/--/cb"},
		"a query with escaped slashes":            {"https://other.example/cb**", "https://other.example/cb?next=%2Fa%2Fb"},
		"a percent sign that hides nothing":       {"https://other.example/**", "https://other.example/a%20b"},
		"an underscore in an app's host":          {"myapp://sign_in", "myapp://sign_in"},
		"* takes nothing too":                     {"https://other.example/cb*", "https://other.example/cb"},
		"a query that the pattern has":            {"https://other.example/cb?a=1", "https://other.example/cb?a=1"},
		"a pattern in capitals, but for the path": {"HTTPS://OTHER.example/Cb", "https://other.example/Cb"},
	} {
		got, ok := allowed(site, []string{"https://nothing.example", c.pattern}, c.address)
		require.True(t, ok, name)
		require.True(t, strings.EqualFold(strings.ReplaceAll(c.address, "ü", "%C3%BC"), got), name)
	}
}

func TestRedirectsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pattern, address string }{
		"another site":                           {"", "https://evil.example"},
		"another scheme of the site":             {"", "http://app.example.com/home"},
		"another port of the site":               {"", "https://app.example.com:8443/home"},
		"the site as a sub-domain of another":    {"", "https://app.example.com.evil.example/"},
		"the site as the end of another":         {"", "https://evilapp.example.com/"},
		"a dot after the site":                   {"", "https://app.example.com./"},
		"the site as a user":                     {"", "https://app.example.com@evil.example/"},
		"the site as a user with a password":     {"", "https://app.example.com:443@evil.example/"},
		"a user of the site":                     {"", "https://user@app.example.com/"},
		"an empty user":                          {"", "https://@app.example.com/"},
		"the site before a backslash":            {"", `https://app.example.com\@evil.example/`},
		"a backslash for a slash":                {"", `https:\\evil.example`},
		"another site after a backslash":         {"", `https://evil.example\.app.example.com/`},
		"no scheme":                              {"https://**", "//evil.example"},
		"no host":                                {"https://**", "https:///evil.example"},
		"one slash":                              {"https://**", "https:/evil.example"},
		"no slash":                               {"https://**", "https:evil.example"},
		"a path only":                            {"https://**", "/evil"},
		"a script":                               {"https://**", "javascript:alert(1)"},
		"a script with a host":                   {"javascript://**", "javascript://app.example.com/%0aalert(1)"},
		"data":                                   {"data:**", "data:text/html,x"},
		"a blob":                                 {"blob:**", "blob:https://app.example.com/x"},
		"a line break":                           {"", "https://app.example.com/\r\nSet-Cookie: a=b"},
		"an escaped line break":                  {"", "https://app.example.com/%0d%0aSet-Cookie:a=b"},
		"a tab in the scheme":                    {"", "java\tscript:alert(1)"},
		"a space before":                         {"", " https://app.example.com/"},
		"NUL":                                    {"", "https://app.example.com/\x00"},
		"dot segments":                           {"https://other.example/cb/**", "https://other.example/cb/../admin"},
		"escaped dot segments":                   {"https://other.example/cb/**", "https://other.example/cb/%2e%2E/admin"},
		"half-escaped dot segments":              {"https://other.example/cb/**", "https://other.example/cb/.%2e/admin"},
		"escaped slashes":                        {"https://other.example/cb/*", "https://other.example/cb/..%2fadmin"},
		"escaped backslashes":                    {"https://other.example/cb/*", "https://other.example/cb/..%5cadmin"},
		"a full-width dot":                       {"", "https://app.example.com。evil.example/"},
		"a full-width slash":                     {"", "https://evil.example／.app.example.com/"},
		"letters that look alike":                {"", "https://аpp.example.com/"},
		"what is no UTF-8":                       {"", "https://app.example.com/\xff"},
		"an escaped host":                        {"", "https://app.ex%61mple.com/"},
		"an escaped slash in the host":           {"https://*.example.org/**", "https://evil.example%2f.example.org/"},
		"an escaped @ in the host":               {"https://*.example.org/**", "https://evil.example%40.example.org/"},
		"a port that is none":                    {"http://localhost:*/**", "http://localhost:3000@evil.example/"},
		"a port with a host":                     {"http://localhost:*/**", "http://localhost:3000.evil.example/"},
		"* over a dot":                           {"https://*.example.org/cb", "https://a.b.example.org/cb"},
		"* over a slash":                         {"https://other.example/*", "https://other.example/a/b"},
		"* of a sub-domain as a path":            {"https://*.example.org/cb", "https://evil.example/.example.org/cb"},
		"* of a sub-domain as a query":           {"https://*.example.org/cb", "https://evil?.example.org/cb"},
		"* of a sub-domain as a fragment":        {"https://*.example.org/cb", "https://evil#.example.org/cb"},
		"** of sub-domains as a path":            {"https://**.example.org/cb", "https://evil.example/x.example.org/cb"},
		"** of sub-domains as a query":           {"https://**.example.org/cb", "https://evil.example?x.example.org/cb"},
		"** after the host, with another":        {"https://other.example**", "https://other.example.evil.example/"},
		"** after the host, with a user":         {"https://other.example**", "https://other.example@evil.example/"},
		"** after the host, with more of it":     {"https://other.example**", "https://other.examples/"},
		"? over a slash":                         {"https://other.example/v?", "https://other.example/v/"},
		"? for none":                             {"https://other.example/v?", "https://other.example/v"},
		"a query that the pattern has not":       {"https://other.example/cb", "https://other.example/cb?next=//evil.example"},
		"the path in capitals":                   {"https://other.example/cb", "https://other.example/CB"},
		"another scheme":                         {"https://other.example/cb", "http://other.example/cb"},
		"another app's scheme":                   {"myapp://callback", "myapps://callback"},
		"a host where the pattern has none":      {"com.example.app:/cb", "com.example.app://cb"},
		"a pattern's letters as an expression":   {"https://other.example/c.b", "https://other.example/cxb"},
		"brackets of a pattern as an expression": {"https://other.example/[a-z]", "https://other.example/q"},
		"what is too long":                       {"", "https://app.example.com/" + strings.Repeat("a", 2048)},
		"a quotation mark":                       {"", `https://app.example.com/"onload=`},
		"nothing":                                {"", ":"},
		"a pattern that is empty":                {"", "x:"},
		"loopback, when the site is not there":   {"", "http://localhost:3000/"},
		"another host of IPv6":                   {"http://[::1]:3000/**", "http://[::2]:3000/cb"},
		"a zone of IPv6":                         {"http://[::1]:3000/**", "http://[::1%25evil]:3000/cb"},
	} {
		_, ok := allowed(site, []string{c.pattern}, c.address)
		require.False(t, ok, name)
	}
}

func TestPortsOfTheMachineItselfDoNotMatter(t *testing.T) {
	t.Parallel()
	_, ok := allowed("http://localhost:3000", nil, "http://localhost:5173/cb")
	require.True(t, ok)
	for _, address := range []string{"https://localhost:5173/cb", "http://localhost.evil.example:3000/", "http://localhost:3000@evil.example/", "http://127.0.0.1:3000/"} {
		_, ok := allowed("http://localhost:3000", nil, address)
		require.False(t, ok, address)
	}
}

func TestRedirectsFallBackToTheSite(t *testing.T) {
	t.Parallel()
	values := setting.Values{"auth.site_url": site, "auth.redirect_urls": []string{"https://other.example/cb"}}
	r := httptest.NewRequest(http.MethodGet, "/verify?redirect_to=https%3A%2F%2Fother.example%2Fcb", nil)
	require.Equal(t, "https://other.example/cb", RedirectTo(values, r))
	r.Header.Set("Redirect_to", "https://app.example.com/x")
	require.Equal(t, "https://other.example/cb", RedirectTo(values, r), "the query comes first")
	r = httptest.NewRequest(http.MethodGet, "/verify?redirect_to=https%3A%2F%2Fevil.example", nil)
	r.Header.Set("Referer", "https://app.example.com/x")
	r.Header.Set("Origin", "https://evil.example")
	require.Equal(t, site, RedirectTo(values, r))
	r = httptest.NewRequest(http.MethodGet, "/verify", nil)
	require.Equal(t, site, RedirectTo(values, r))
}

// FuzzRedirects holds what is allowed to what everyone reads in it: the site's origin, or what the patterns' hosts and schemes are.
func FuzzRedirects(f *testing.F) {
	for _, seed := range []string{"https://app.example.com/x", "https://a.example.org/cb?x#y", "myapp://callback", "com.example.app:/cb", "https://app.example.com@evil.example",
		`https://app.example.com\@evil`, "https:/evil", "https://a.example.org:443/cb", "http://localhost:3000@evil", "https://app.example.com/%2e%2e/", "https://ü.example.org/cb",
		"https://a.example.org%2f.evil/cb", "//evil", "https://other.example.evil/", "https://other.example/a\r\nb", "http://localhost:99999/"} {
		f.Add(seed)
	}
	list := []string{"https://*.example.org/cb", "https://other.example**", "myapp://callback", "com.example.app:/cb", "http://localhost:*/**"}
	f.Fuzz(func(t *testing.T, address string) {
		got, ok := allowed(site, list, address)
		if !ok {
			return
		}
		u, err := url.Parse(got)
		require.NoError(t, err)
		require.Nil(t, u.User)
		require.NotContains(t, got, `\`)
		for _, c := range []byte(got) {
			require.True(t, c > ' ' && c < 0x7f)
		}
		host := strings.ToLower(u.Hostname())
		switch scheme := strings.ToLower(u.Scheme); scheme {
		case "https":
			label, found := strings.CutSuffix(host, ".example.org")
			require.True(t, host == "app.example.com" || host == "other.example" || found && !strings.Contains(label, "."), got)
		case "http":
			require.Equal(t, "localhost", host)
		case "myapp":
			require.Equal(t, "callback", host)
		case "com.example.app":
			require.Equal(t, "/cb", strings.TrimSuffix(u.Path, "/"))
			require.Empty(t, host)
		default:
			t.Fatal(got)
		}
	})
}
