package oidc

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Endpoint answers a request to a host that the provider stands in for.
type Endpoint func(w http.ResponseWriter, r *http.Request)

// StandIn makes the provider answer at addresses of others, to clients that use Internet: where people sign in, where codes are exchanged and where
// keys are published. ID tokens have the issuer, and none are issued when it is "".
func (p *Provider) StandIn(issuer, auth, token, keys string) {
	p.At(auth, func(w http.ResponseWriter, r *http.Request) { p.authorize(w, r, issuer) })
	p.At(token, p.token)
	if keys != "" {
		p.At(keys, func(w http.ResponseWriter, _ *http.Request) { p.keys(w) })
	}
}

// At makes the provider answer at an address of another, whose query is not looked at.
func (p *Provider) At(address string, e Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aliases[aliasPath(address)] = e
}

// JSON answers holders of an access token with a document, and others with 401.
func (p *Provider) JSON(document func(User) string) Endpoint {
	return func(w http.ResponseWriter, r *http.Request) {
		g := p.holder(r)
		if g == nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, document(g.user))
	}
}

func aliasPath(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return "/at/" + u.Host + u.Path
}

func (p *Provider) alias(r *http.Request) (Endpoint, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.aliases[r.URL.Path]
	return e, ok
}

// Internet carries requests to the hosts that the provider stands in for; all others go where they say.
func (p *Provider) Internet() http.RoundTripper { return internet{p} }

type internet struct{ p *Provider }

func (i internet) RoundTrip(r *http.Request) (*http.Response, error) {
	path := aliasPath(r.URL.String())
	i.p.mu.Lock()
	_, ours := i.p.aliases[path]
	i.p.mu.Unlock()
	if ours {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.URL.Path, r.Host = "http", i.p.Host(), path, ""
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Back is what a browser brings back to the client.
type Back struct {
	// Method is GET or POST, Address where the browser goes, without the fields, which are in its query or form.
	Method, Address string
	Fields          url.Values
}

// SignIn is a browser: it opens the address that a client sent it to, fills in the form as a person, and returns what it would bring back.
func (p *Provider) SignIn(t testing.TB, address, subject string) Back {
	t.Helper()
	browser := &http.Client{Transport: p.Internet(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, body := open(t, browser, address, nil)
	if answer.StatusCode == http.StatusOK && strings.Contains(body, "name=subject") {
		fields := inputs(body)
		fields.Set("subject", subject)
		answer, body = open(t, browser, address, fields)
	}
	if answer.StatusCode == http.StatusOK {
		action := regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(body)
		if action == nil {
			t.Fatalf("the provider did not send the browser back: %s", body)
		}
		return Back{Method: http.MethodPost, Address: action[1], Fields: inputs(body)}
	}
	to, err := answer.Location()
	if err != nil {
		t.Fatalf("the provider answered with status %d: %s", answer.StatusCode, body)
	}
	fields := to.Query()
	to.RawQuery = ""
	return Back{Method: http.MethodGet, Address: to.String(), Fields: fields}
}

func open(t testing.TB, browser *http.Client, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(read)
}

var input = regexp.MustCompile(`<input type=hidden name="([^"]*)" value="([^"]*)">`)

func inputs(page string) url.Values {
	out := url.Values{}
	for _, found := range input.FindAllStringSubmatch(page, -1) {
		out.Set(unescape(found[1]), unescape(found[2]))
	}
	return out
}

func unescape(s string) string {
	return strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}
