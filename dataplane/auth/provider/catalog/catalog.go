// Package catalog describes the providers that a project may switch on: where each one is asked, how, and what its answers mean. It sends nothing.
package catalog

import (
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// Definition is a provider. In its addresses, {base} stands for the provider's own address, or the project's where the provider is hosted, and {api}
// for that of its API.
type Definition struct {
	// Name is what clients call it.
	Name string
	// Base and API are what {base} and {api} stand for; API is Base when empty. HostedAPI follows the address that a project chose, for {api}.
	Base, API, HostedAPI string
	// Hosted tells that a project may choose the address, and HostedOnly that it must.
	Hosted, HostedOnly bool
	// Auth, Token, User and Emails are addresses: where people sign in, where codes are exchanged, and where the profile and its addresses are read.
	Auth, Token, User, Emails string
	// Scopes are asked for besides those that the app asks for, Params sent along.
	Scopes []string
	Params map[string]string
	// Headers are sent to User; {client_id} stands for the client's id.
	Headers map[string]string
	// PKCE tells that the provider takes a code challenge.
	PKCE bool
	// Style is how the client proves itself where codes are exchanged.
	Style oauth2.AuthStyle
	// OIDC is set where the provider issues ID tokens that say who signed in.
	OIDC *OIDC
	// ProofOfSecret tells that requests to User carry an HMAC of the access token (Facebook's appsecret_proof).
	ProofOfSecret bool
	// FormPost tells that the provider may post the name of who signed in to the callback (Apple's).
	FormPost bool
	// Issuer is the value of the claim iss in the identity of who signed in; {api} when empty.
	Issuer string
	// read makes a profile of what User answered, or of the ID token's claims.
	read func(Raw) Profile
	// emails adds the addresses that Emails answered.
	emails func(*Profile, Raw)
}

// OIDC is how ID tokens of a provider are verified.
type OIDC struct {
	// Issuers are the values of iss that are taken, the first the proper one; Keys is where the keys are.
	Issuers []string
	Keys    string
	// Code tells that the exchange of a code must answer with an ID token, which then says who signed in. Without it, an ID token is taken only
	// from apps (grant_type=id_token).
	Code bool
	// Nonce tells that the provider puts the nonce of the request into the ID token.
	Nonce bool
	// Tenants tells that there is an issuer for each tenant (Microsoft's).
	Tenants bool
	// Discover tells that keys are found by the issuer's discovery document.
	Discover bool
	// read makes a profile of the claims of an ID token; nil is that of OpenID Connect.
	read func(Raw) Profile
}

// Lookup finds a provider by its name.
func Lookup(name string) (Definition, bool) {
	i := slices.IndexFunc(definitions, func(d Definition) bool { return d.Name == name })
	if i < 0 {
		return Definition{}, false
	}
	return definitions[i], true
}

// Names lists the providers.
func Names() []string {
	var out []string
	for _, d := range definitions {
		out = append(out, d.Name)
	}
	return out
}

// At returns the provider with its addresses written out: its own, or those of the server that a project chose.
func (d Definition) At(chosen string) Definition {
	base, api := d.Base, d.API
	if api == "" {
		api = base
	}
	if chosen != "" && d.Hosted {
		base = strings.TrimRight(chosen, "/")
		api = base + d.HostedAPI
	}
	fill := strings.NewReplacer("{base}", base, "{api}", api)
	for _, address := range []*string{&d.Auth, &d.Token, &d.User, &d.Emails, &d.Issuer} {
		*address = fill.Replace(*address)
	}
	if d.Issuer == "" {
		d.Issuer = api
	}
	if d.OIDC != nil {
		own := *d.OIDC
		own.Keys, own.Issuers = fill.Replace(own.Keys), slices.Clone(own.Issuers)
		for i := range own.Issuers {
			own.Issuers[i] = fill.Replace(own.Issuers[i])
		}
		d.OIDC = &own
	}
	return d
}

// Profile reads who signed in from what User answered.
func (d Definition) Profile(answer Raw) Profile {
	p := d.read(answer)
	return p.complete(d.Issuer)
}

// AddEmails adds what Emails answered: an object, or a list under the key "".
func (d Definition) AddEmails(p *Profile, answer Raw) { d.emails(p, answer) }

// IDToken reads who signed in from the claims of a verified ID token.
func (d Definition) IDToken(claims Raw) Profile {
	read := standard
	if d.OIDC != nil && d.OIDC.read != nil {
		read = d.OIDC.read
	}
	p := read(claims)
	return p.complete(claims.String("iss"))
}
