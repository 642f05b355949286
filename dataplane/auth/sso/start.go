package sso

import (
	"context"
	_ "embed" // the statements
	"encoding/xml"
	"net/http"
	"strings"
	"time"

	"github.com/crewjam/saml"
	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/put_relay_state.sql
var putRelayState string

// method is how users of SSO prove who they are: in the claim amr, and in flows.
const method = "sso/saml"

type startRequest struct {
	ProviderID       string         `json:"provider_id"`
	Domain           string         `json:"domain"`
	RedirectTo       string         `json:"redirect_to"`
	SkipHTTPRedirect bool           `json:"skip_http_redirect"`
	Challenge        string         `json:"code_challenge"`
	ChallengeMethod  string         `json:"code_challenge_method"`
	Security         guard.Security `json:"gotrue_meta_security"`
}

func (in *startRequest) filter() (filter, error, error) {
	switch {
	case in.ProviderID != "" && in.Domain != "":
		return filter{}, nil, protocol.ErrValidation("Only one of provider_id or domain supported")
	case in.ProviderID == "" && in.Domain == "":
		return filter{}, nil, protocol.ErrValidation("A provider_id or domain needs to be provided")
	case in.Domain != "":
		domain := strings.ToLower(strings.TrimSpace(in.Domain))
		return filter{domain: &domain}, errUnknownDomain, nil
	}
	id, err := uuid.Parse(in.ProviderID)
	if err != nil {
		return filter{}, nil, protocol.ErrValidation("provider_id must be a UUID")
	}
	return filter{id: &id}, errUnknownProvider, nil
}

// start answers POST /sso: where the browser goes to sign in.
func (s *Service) start(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	var in startRequest
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	by, missing, err := in.filter()
	if err != nil {
		return err
	}
	challengeMethod, err := onetime.CheckChallenge(in.Challenge, in.ChallengeMethod)
	if err != nil {
		return err
	}
	if err := s.d.Guard.Human(r, bound, in.Security); err != nil {
		return err
	}
	ctx := r.Context()
	p, idp, err := s.provider(ctx, bound, by, missing)
	if err != nil {
		return err
	}
	keys, err := s.keyPair(ctx, bound)
	if err != nil {
		return err
	}
	party := keys.party(bound.Project, idp)
	ask, err := party.MakeAuthenticationRequest(party.GetSSOBindingLocation(saml.HTTPRedirectBinding), saml.HTTPRedirectBinding, saml.HTTPPostBinding)
	if err != nil {
		return err
	}
	if p.nameIDFormat != nil {
		ask.NameIDPolicy.Format = p.nameIDFormat
	}
	relay := relayState{id: uuid.New(), provider: p.id, request: ask.ID, redirectTo: protocol.AllowedRedirect(bound.Project.Settings, in.RedirectTo)}
	if err := s.remember(ctx, bound, relay, in.Challenge, challengeMethod); err != nil {
		return err
	}
	to, err := ask.Redirect(relay.id.String(), party)
	if err != nil {
		return err
	}
	if in.SkipHTTPRedirect {
		protocol.WriteJSON(w, http.StatusOK, map[string]string{"url": to.String()})
		return nil
	}
	h := w.Header()
	h.Set("Location", to.String())
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// relayState is a sign-in that was begun here and goes on when the provider answers.
type relayState struct {
	id, provider        uuid.UUID
	request, redirectTo string
	flow                *uuid.UUID
	created             time.Time
}

func (s *Service) remember(ctx context.Context, bound *projectdb.Session, relay relayState, challenge, challengeMethod string) error {
	return store.InTx(ctx, bound, func(tx *store.Tx) error {
		if challenge != "" {
			flow := &onetime.Flow{Challenge: challenge, ChallengeMethod: challengeMethod, Provider: method, Method: method, Referrer: relay.redirectTo}
			if err := onetime.Start(ctx, tx, flow); err != nil {
				return err
			}
			relay.flow = &flow.ID
		}
		_, err := tx.Exec(ctx, putRelayState, relay.id, relay.provider, relay.request, relay.redirectTo, relay.flow)
		return err
	})
}

// How long the project's own metadata says that it is good: when a provider fetches it, and when a person saves it.
const (
	fetchedLife = 30 * 24 * time.Hour
	savedLife   = 5 * 365 * 24 * time.Hour
)

// metadata answers GET /sso/saml/metadata: what a provider must know of the project.
func (s *Service) metadata(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	keys, err := s.keyPair(r.Context(), bound)
	if err != nil {
		return err
	}
	party := keys.party(bound.Project, nil)
	party.MetadataValidDuration = fetchedLife
	if r.URL.Query().Get("download") == "true" {
		party.MetadataValidDuration = savedLife
		w.Header().Set("Content-Disposition", `attachment; filename="metadata.xml"`)
	}
	described := party.Metadata()
	for i := range described.SPSSODescriptors {
		d := &described.SPSSODescriptors[i]
		d.NameIDFormats = []saml.NameIDFormat{saml.PersistentNameIDFormat, saml.EmailAddressNameIDFormat}
		d.AssertionConsumerServices = d.AssertionConsumerServices[:1] // by POST only
		for j := range d.KeyDescriptors {
			if d.KeyDescriptors[j].Use == "encryption" {
				d.KeyDescriptors[j].EncryptionMethods = []saml.EncryptionMethod{{Algorithm: "http://www.w3.org/2009/xmlenc11#aes128-gcm"},
					{Algorithm: "http://www.w3.org/2001/04/xmlenc#aes256-cbc"}, {Algorithm: "http://www.w3.org/2001/04/xmlenc#aes128-cbc"},
					{Algorithm: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"}}
			}
		}
	}
	body, err := xml.MarshalIndent(described, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Cache-Control", "public, max-age=600")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(append([]byte(xml.Header), body...))
	return nil
}
