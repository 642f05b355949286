package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/oauth2"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/remote"
)

// maxClaim and maxCustom bound what is kept of one claim, and of all those without a name of ours.
const (
	maxClaim  = 2 << 10
	maxCustom = 4 << 10
)

// arrival is who came back from a provider.
type arrival struct {
	provider *configured
	catalog.Profile
	// email is the address that the provider knows best, in its normal form, or ""; proved tells that the provider has verified it.
	email  string
	proved bool
	// emails are all that it has verified, the best first.
	emails []string
	// token and refreshToken are the provider's, for the app.
	token, refreshToken string
}

// who asks the provider who signed in, and verifies what it says.
func (s *Service) who(ctx context.Context, ref string, p *configured, token *oauth2.Token, verifier string) (*catalog.Profile, error) {
	var id *verified
	if p.OIDC != nil && p.OIDC.Code {
		raw, _ := token.Extra("id_token").(string)
		if raw == "" {
			return nil, errors.New("the provider answered without an ID token")
		}
		var err error
		if id, err = s.verify(ctx, ref, p, raw); err != nil {
			return nil, err
		}
		if p.OIDC.Nonce && !same(id.Nonce, nonceOf(verifier)) {
			return nil, errNonce
		}
		if id.AccessTokenHash != "" {
			if err := id.VerifyAccessToken(token.AccessToken); err != nil {
				return nil, err
			}
		}
	}
	if p.custom != nil {
		return s.whoCustom(ctx, p, token, id)
	}
	if p.User == "" {
		return s.fromIDToken(p, id), nil
	}
	answer, err := s.remote.User(ctx, &p.App, token)
	if err != nil {
		return nil, err
	}
	if err := sameSubject(id, answer); err != nil {
		return nil, err
	}
	profile := p.Profile(answer)
	if p.Emails != "" {
		emails, err := s.remote.Get(ctx, p.Emails, token.AccessToken, p.Headers)
		if err != nil {
			return nil, err
		}
		p.AddEmails(&profile, emails)
	}
	return &profile, nil
}

func (s *Service) fromIDToken(p *configured, id *verified) *catalog.Profile {
	if p.custom != nil {
		return p.custom.profile(id.claims)
	}
	profile := p.IDToken(id.claims)
	if p.tenant != "" {
		profile.TrustTenant(id.claims)
	}
	return &profile
}

// sameSubject refuses a profile of somebody else than the ID token's subject.
func sameSubject(id *verified, answer catalog.Raw) error {
	if id == nil {
		return nil
	}
	if sub := answer.String("sub"); sub != id.Subject {
		return fmt.Errorf("the profile is of %q, the ID token of another subject", remote.Printable(sub))
	}
	return nil
}

// whoCustom reads the ID token's claims and the profile's, by the project's mapping. Where both say something, the ID token holds.
func (s *Service) whoCustom(ctx context.Context, p *configured, token *oauth2.Token, id *verified) (*catalog.Profile, error) {
	claims := catalog.Raw{}
	if p.User != "" && (id == nil || id.claims.String("email") == "") {
		answer, err := s.remote.User(ctx, &p.App, token)
		if err != nil {
			return nil, err
		}
		if err := sameSubject(id, answer); err != nil {
			return nil, err
		}
		claims = answer
	}
	if id != nil {
		for key, value := range id.claims {
			claims[key] = value
		}
	}
	return p.custom.profile(claims), nil
}

// arrived makes ready what a provider said: addresses in their normal form, and data that can be kept.
func arrived(p *configured, profile *catalog.Profile) (*arrival, error) {
	if !usable(profile.Subject) {
		return nil, errors.New("the provider names no usable subject")
	}
	a := &arrival{provider: p, Profile: *profile}
	var kept []catalog.Email
	for _, e := range profile.Emails {
		normal, err := protocol.NormalEmail(e.Address)
		if err != nil || len(kept) >= 50 {
			continue
		}
		e.Address = normal
		kept = append(kept, e)
	}
	a.Emails = kept
	if best := a.Email(); best != nil {
		a.email, a.proved = best.Address, best.Verified
	}
	if a.proved {
		a.emails = append(a.emails, a.email)
	}
	for _, e := range kept {
		if e.Verified && e.Address != a.email {
			a.emails = append(a.emails, e.Address)
		}
	}
	return a, nil
}

// data is the identity's identity_data, and what the user's metadata takes over.
func (a *arrival) data() protocol.Metadata {
	out := protocol.Metadata{}
	for key, value := range a.Claims {
		most := maxClaim
		if key == "custom_claims" {
			most = maxCustom
		}
		encoded, err := json.Marshal(value)
		if err != nil || len(encoded) > most || strings.Contains(string(encoded), `\u0000`) {
			continue
		}
		out[key] = encoded
	}
	if a.email != "" {
		out.Set("email", a.email)
	}
	out.Set("email_verified", a.proved)
	out.Set("phone_verified", false)
	return out
}
