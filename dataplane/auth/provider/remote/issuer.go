package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
)

const (
	// issuerLife is how long what an issuer published is believed: then a key that it withdrew is good no more.
	issuerLife = 30 * time.Minute
	// keysPause is the least time between two requests for one issuer's keys, whatever tokens come in.
	keysPause = 2 * time.Second
	// maxIssuers and maxIssuersEach bound what a worker keeps, of all projects and of each.
	maxIssuers, maxIssuersEach = 1000, 16
)

// Published is what an issuer's discovery document says.
type Published struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Userinfo      string   `json:"userinfo_endpoint,omitempty"`
	Revocation    string   `json:"revocation_endpoint,omitempty"`
	Scopes        []string `json:"supported_scopes,omitempty"`
	Responses     []string `json:"supported_response_types,omitempty"`
	Subjects      []string `json:"supported_subject_types,omitempty"`
	Algorithms    []string `json:"supported_id_token_signing_algs,omitempty"`
	methods       []string
}

// Style is how a client proves itself to the issuer.
func (p *Published) Style() oauth2.AuthStyle {
	if len(p.methods) == 0 || slices.Contains(p.methods, "client_secret_basic") {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// Issuers remembers what issuers published. What a project chose is remembered for that project alone, so that none can make another believe
// anything.
type Issuers struct {
	client  *Client
	now     func() time.Time
	flights singleflight.Group
	mu      sync.Mutex
	kept    map[key]*issuer
}

type key struct{ ref, address string }

type issuer struct {
	published *Published // for discovery documents
	keys      oidc.KeySet
	since     time.Time
	used      time.Time
}

// NewIssuers makes an empty memory.
func NewIssuers(c *Client, now func() time.Time) *Issuers {
	return &Issuers{client: c, now: now, kept: map[key]*issuer{}}
}

func (i *Issuers) find(key key) *issuer {
	i.mu.Lock()
	defer i.mu.Unlock()
	found := i.kept[key]
	if found == nil || i.now().Sub(found.since) >= issuerLife {
		return nil
	}
	found.used = i.now()
	return found
}

// keep remembers one more, in place of what was not used for longest: of the project when it has its share, or else of all.
func (i *Issuers) keep(key key, found *issuer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	found.since, found.used = i.now(), i.now()
	i.kept[key] = found
	own := 0
	for k := range i.kept {
		if k.ref == key.ref {
			own++
		}
	}
	switch {
	case key.ref != "" && own > maxIssuersEach:
		i.forget(key, true)
	case len(i.kept) > maxIssuers:
		i.forget(key, false)
	}
}

func (i *Issuers) forget(newest key, own bool) {
	var oldest key
	var since time.Time
	for k, v := range i.kept {
		if k != newest && (!own || k.ref == newest.ref) && (since.IsZero() || v.used.Before(since)) {
			oldest, since = k, v.used
		}
	}
	delete(i.kept, oldest)
}

// KeySet is where an issuer's keys are. They are asked for when a token is signed with one that is not known.
func (i *Issuers) KeySet(ref, address string) oidc.KeySet {
	key := key{ref, "keys " + address}
	if found := i.find(key); found != nil {
		return found.keys
	}
	client := &http.Client{Transport: &paced{next: i.client.client.Transport, now: i.now}, Timeout: i.client.timeout, CheckRedirect: i.client.client.CheckRedirect}
	found := &issuer{keys: oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), client), address)}
	i.keep(key, found)
	return found.keys
}

// paced lets one request through in a while, so that tokens with made-up keys do not become requests.
type paced struct {
	next http.RoundTripper
	now  func() time.Time
	mu   sync.Mutex
	last time.Time
}

func (p *paced) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	now := p.now()
	soon := !p.last.IsZero() && now.Sub(p.last) < keysPause && r.Response == nil // a redirect belongs to the request before
	if !soon {
		p.last = now
	}
	p.mu.Unlock()
	if soon {
		return nil, errors.New("the keys were asked for just now")
	}
	return p.next.RoundTrip(r)
}

// Discover returns an issuer's discovery document. Address is where it is, or "" for the place that OpenID Connect sets.
func (i *Issuers) Discover(ctx context.Context, ref, name, address string) (*Published, error) {
	if address == "" {
		address = strings.TrimSuffix(name, "/") + "/.well-known/openid-configuration"
	}
	key := key{ref, "discovery " + name + " " + address}
	if found := i.find(key); found != nil {
		return found.published, nil
	}
	made, err, _ := i.flights.Do(key.ref+" "+key.address, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.client.timeout)
		defer cancel()
		doc, err := i.client.discover(ctx, name, address)
		if err == nil {
			i.keep(key, &issuer{published: doc})
		}
		return doc, err
	})
	if err != nil {
		return nil, err
	}
	return made.(*Published), nil
}

// discover asks for a discovery document, which must be the issuer's own.
func (c *Client) discover(ctx context.Context, name, address string) (*Published, error) {
	for _, chosen := range []string{name, address} {
		if err := c.egress.CheckURL(chosen); err != nil {
			return nil, complaint("its address is not https")
		}
	}
	raw, err := c.Get(ctx, address, "", nil)
	if err != nil {
		return nil, err
	}
	doc := &Published{Issuer: raw.String("issuer"), Authorization: raw.String("authorization_endpoint"), Token: raw.String("token_endpoint"),
		Keys: raw.String("jwks_uri"), Userinfo: raw.String("userinfo_endpoint"), Revocation: raw.String("revocation_endpoint"),
		Scopes: words(raw, "scopes_supported"), Responses: words(raw, "response_types_supported"), Subjects: words(raw, "subject_types_supported"),
		Algorithms: words(raw, "id_token_signing_alg_values_supported"), methods: words(raw, "token_endpoint_auth_methods_supported")}
	if doc.Issuer != name {
		return nil, complaint("it is of the issuer %q, not %q", Printable(doc.Issuer), Printable(name))
	}
	for what, endpoint := range map[string]string{"authorization_endpoint": doc.Authorization, "token_endpoint": doc.Token, "jwks_uri": doc.Keys} {
		if endpoint == "" {
			return nil, complaint("it has no %s", what)
		}
	}
	for _, endpoint := range []string{doc.Authorization, doc.Token, doc.Keys, doc.Userinfo} {
		if endpoint != "" && c.egress.CheckURL(endpoint) != nil {
			return nil, complaint("it names an address that is not https")
		}
	}
	return doc, nil
}

// Complaint is what is wrong with a discovery document, to be told to who chose it.
type Complaint struct{ text string }

func (c *Complaint) Error() string { return c.text }

func complaint(format string, args ...any) error { return &Complaint{fmt.Sprintf(format, args...)} }

// Tell is what may be told of an error to who chose the address: nothing of what is inside, which names resolve to or who answers there.
func Tell(err error) string {
	var own *Complaint
	if errors.As(err, &own) {
		return own.text
	}
	return "it cannot be fetched"
}

func words(r catalog.Raw, key string) []string {
	values, _ := r[key].([]any)
	var out []string
	for _, v := range values {
		if s, ok := v.(string); ok && len(out) < 100 {
			out = append(out, s)
		}
	}
	return out
}
