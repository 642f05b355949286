// Package webauthn holds the ceremonies of WebAuthn for passkeys and security keys: it makes challenges and judges what authenticators answer to
// them. The relying party and its origins are those that the project's settings name; nothing of a request is believed.
package webauthn

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	lib "github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Credential is what is kept of an authenticator.
type Credential = lib.Credential

// ErrRefused says that an authenticator's answer is not one to the challenge. What is wrong is in its cause, for the log.
var ErrRefused = errors.New("the authenticator's answer is refused")

// errMalformed is an ErrRefused whose answer could not even be read.
var errMalformed = fmt.Errorf("%w: it cannot be read", ErrRefused)

// Malformed tells that an answer was none.
func Malformed(err error) bool { return errors.Is(err, errMalformed) }

// Party is a project as a relying party.
type Party struct{ lib *lib.WebAuthn }

// Of is the relying party that the settings name: by default site_url's host and origin.
func Of(values setting.Values) (*Party, error) {
	site, err := url.Parse(setting.Get[string](values, "auth.site_url"))
	if err != nil {
		return nil, misconfigured(err)
	}
	id := setting.Get[string](values, "auth.webauthn.rp_id")
	if id == "" {
		id = strings.ToLower(site.Hostname())
	}
	name := setting.Get[string](values, "auth.webauthn.rp_display_name")
	if name == "" {
		name = id
	}
	origins := setting.Get[[]string](values, "auth.webauthn.rp_origins")
	if len(origins) == 0 {
		origins = []string{site.Scheme + "://" + strings.ToLower(site.Host)}
	}
	party, err := lib.New(&lib.Config{
		RPID: id, RPDisplayName: name, RPOrigins: origins, AttestationPreference: protocol.PreferNoAttestation,
		// Browsers' extensions of which nothing is asked here change nothing.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, misconfigured(err)
	}
	return &Party{party}, nil
}

func misconfigured(err error) error {
	return fault.Wrap(err, fault.FailedPrecondition, "WEBAUTHN_NOT_CONFIGURED",
		"The project's settings name no domain for passkeys and security keys: set auth.webauthn.rp_id and auth.webauthn.rp_origins, or auth.site_url.")
}

// Holder is a user with their authenticators.
type Holder struct {
	ID uuid.UUID
	// Name is shown by the authenticator.
	Name        string
	Credentials []Credential
	// handle is another form of the id, which an authenticator was told once.
	handle []byte
}

var _ lib.User = Holder{}

// WebAuthnID is the user handle, in GoTrue's form: the id as text. Authenticators keep it.
func (h Holder) WebAuthnID() []byte {
	if h.handle != nil {
		return h.handle
	}
	return []byte(h.ID.String())
}

// WebAuthnName is shown by the authenticator.
func (h Holder) WebAuthnName() string { return h.Name }

// WebAuthnDisplayName is shown by the authenticator.
func (h Holder) WebAuthnDisplayName() string { return h.Name }

// WebAuthnCredentials are the holder's.
func (h Holder) WebAuthnCredentials() []Credential { return h.Credentials }

// The ceremonies.
const (
	Create  = "create"
	Request = "request"
)

// State is what is remembered of a challenge until it is answered.
type State struct {
	Ceremony string          `json:"ceremony"`
	Session  lib.SessionData `json:"session"`
}

// Passkey makes a challenge to create a passkey: the authenticator keeps the credential, and verifies its user.
func (p *Party) Passkey(h Holder) (*protocol.PublicKeyCredentialCreationOptions, State, error) {
	resident := true
	creation, state, err := p.create(h, protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &resident,
		UserVerification: protocol.VerificationRequired})
	if err != nil {
		return nil, state, err
	}
	return &creation.Response, state, nil
}

// SecurityKey makes a challenge to create a credential that is a second factor.
func (p *Party) SecurityKey(h Holder) (*protocol.CredentialCreation, State, error) {
	resident := false
	return p.create(h, protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementDiscouraged, RequireResidentKey: &resident,
		UserVerification: protocol.VerificationPreferred})
}

func (p *Party) create(h Holder, selection protocol.AuthenticatorSelection) (*protocol.CredentialCreation, State, error) {
	exclude := make([]protocol.CredentialDescriptor, len(h.Credentials))
	for i := range h.Credentials {
		exclude[i] = h.Credentials[i].Descriptor()
	}
	creation, session, err := p.lib.BeginRegistration(h, lib.WithAuthenticatorSelection(selection), lib.WithExclusions(exclude))
	if err != nil {
		return nil, State{}, misconfigured(err)
	}
	return creation, State{Create, *session}, nil
}

// Created judges the answer to a challenge to create a credential.
func (p *Party) Created(h Holder, state State, answer json.RawMessage) (*Credential, error) {
	if state.Ceremony != Create {
		return nil, fmt.Errorf("%w: it is for another ceremony", ErrRefused)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, errors.Join(errMalformed, err)
	}
	credential, err := p.lib.CreateCredential(h, state.Session, parsed)
	if err != nil {
		return nil, errors.Join(ErrRefused, err)
	}
	return plain(credential), nil
}

// plain leaves out of a credential what nothing is decided by, and what clients say of it in words of their own.
func plain(c *Credential) *Credential {
	c.Attestation, c.Extensions = lib.CredentialAttestation{}, lib.CredentialExtensions{}
	c.Transport = slices.DeleteFunc(c.Transport, func(t protocol.AuthenticatorTransport) bool { return !slices.Contains(transports, t) })
	if a := c.Authenticator.Attachment; a != protocol.Platform && a != protocol.CrossPlatform {
		c.Authenticator.Attachment = ""
	}
	return c
}

var transports = []protocol.AuthenticatorTransport{protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal}

// Ask makes a challenge to one of the holder's authenticators.
func (p *Party) Ask(h Holder) (*protocol.CredentialAssertion, State, error) {
	assertion, session, err := p.lib.BeginLogin(h, lib.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		return nil, State{}, misconfigured(err)
	}
	return assertion, State{Request, *session}, nil
}

// Asserted judges the answer to a challenge made by Ask, and returns the credential as it is to be kept from then on.
func (p *Party) Asserted(h Holder, state State, answer json.RawMessage) (*Credential, error) {
	if state.Ceremony != Request {
		return nil, fmt.Errorf("%w: it is for another ceremony", ErrRefused)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, errors.Join(errMalformed, err)
	}
	credential, err := p.lib.ValidateLogin(h, state.Session, parsed)
	if err != nil {
		return nil, errors.Join(ErrRefused, err)
	}
	return counted(credential)
}

// Discover makes a challenge to whatever passkey the user picks.
func (p *Party) Discover() (*protocol.PublicKeyCredentialRequestOptions, State, error) {
	assertion, session, err := p.lib.BeginDiscoverableLogin(lib.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, State{}, misconfigured(err)
	}
	return &assertion.Response, State{Request, *session}, nil
}

// Answer is a passkey's answer that was read and not yet judged.
type Answer struct {
	CredentialID []byte
	// UserID is whom the passkey names as its user.
	UserID uuid.UUID
	parsed *protocol.ParsedCredentialAssertionData
}

// Read reads a passkey's answer.
func Read(answer json.RawMessage) (*Answer, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, errors.Join(errMalformed, err)
	}
	id, err := uuid.ParseBytes(parsed.Response.UserHandle)
	if err != nil {
		id, err = uuid.FromBytes(parsed.Response.UserHandle)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it names no user", errMalformed)
	}
	return &Answer{CredentialID: parsed.RawID, UserID: id, parsed: parsed}, nil
}

// Discovered judges a passkey's answer to a challenge made by Discover. The holder is the credential's owner, and nobody else.
func (p *Party) Discovered(h Holder, state State, answer *Answer) (*Credential, error) {
	if state.Ceremony != Request {
		return nil, fmt.Errorf("%w: it is for another ceremony", ErrRefused)
	}
	find := func(_, handle []byte) (lib.User, error) {
		if answer.UserID != h.ID {
			return nil, fmt.Errorf("%w: the passkey names another user than its owner", ErrRefused)
		}
		h.handle = handle
		return h, nil
	}
	_, credential, err := p.lib.ValidatePasskeyLogin(find, state.Session, answer.parsed)
	if err != nil {
		return nil, errors.Join(ErrRefused, err)
	}
	return counted(credential)
}

// counted refuses an authenticator whose counter did not go on: there are two of it.
func counted(c *Credential) (*Credential, error) {
	if c.Authenticator.CloneWarning {
		return nil, fmt.Errorf("%w: its counter did not go on, so it may be a copy", ErrRefused)
	}
	return plain(c), nil
}
