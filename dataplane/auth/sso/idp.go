package sso

import (
	"bytes"
	"context"
	"crypto/x509"
	_ "embed" // the statements
	"encoding/base64"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/crewjam/saml"
	xrv "github.com/mattermost/xml-roundtrip-validator"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/refresh_metadata.sql
var refreshMetadata string

const (
	// maxMetadata bounds a provider's description of itself, maxCertificates those of its keys: each is tried with each signature.
	maxMetadata     = 1 << 20
	maxCertificates = 10
	// readAgain is how old metadata gets that does not say how long it is good.
	readAgain = 24 * time.Hour
	// tryAgain is how long a refresh that failed is not repeated.
	tryAgain = time.Minute
)

// parseMetadata reads a provider's description of itself, and refuses one that nobody could sign in with.
func parseMetadata(raw []byte) (*saml.EntityDescriptor, error) {
	if len(raw) > maxMetadata {
		return nil, protocol.ErrValidation("SAML Metadata must not be larger than %d bytes", maxMetadata)
	}
	if !utf8.Valid(raw) || bytes.ContainsRune(raw, 0) {
		return nil, protocol.ErrValidation("SAML Metadata XML contains invalid UTF-8 characters, which are not supported at this time")
	}
	if err := scan(raw, nil); err != nil {
		return nil, protocol.ErrValidation("SAML Metadata is not acceptable XML: %s", err)
	}
	idp, err := firstProvider(raw)
	switch {
	case err != nil:
		return nil, fault.Wrap(err, fault.Invalid, "VALIDATION_FAILED", "SAML Metadata is not valid XML of an EntityDescriptor")
	case idp.EntityID == "" || len(idp.EntityID) > 1024:
		return nil, protocol.ErrValidation("SAML Metadata does not contain an EntityID")
	case len(idp.IDPSSODescriptors) < 1:
		return nil, protocol.ErrValidation("SAML Metadata does not contain any IDPSSODescriptor")
	case len(idp.IDPSSODescriptors) > 1:
		return nil, protocol.ErrValidation("SAML Metadata contains multiple IDPSSODescriptors")
	}
	switch n := certificatesOf(&idp.IDPSSODescriptors[0]); {
	case n < 1:
		return nil, protocol.ErrValidation("SAML Metadata does not contain a valid signing certificate")
	case n > maxCertificates:
		return nil, protocol.ErrValidation("SAML Metadata must not contain more than %d signing certificates", maxCertificates)
	}
	to := (&saml.ServiceProvider{IDPMetadata: idp}).GetSSOBindingLocation(saml.HTTPRedirectBinding)
	if u, err := url.Parse(to); err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, protocol.ErrValidation("SAML Metadata does not contain a SingleSignOnService with the HTTP-Redirect binding at an https address")
	}
	return idp, nil
}

// firstProvider is the first identity provider that a document describes, by itself or in a list.
func firstProvider(raw []byte) (*saml.EntityDescriptor, error) {
	if err := xrv.Validate(bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	var list struct {
		XMLName  xml.Name                `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntitiesDescriptor"`
		Entities []saml.EntityDescriptor `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	}
	if xml.Unmarshal(raw, &list) != nil {
		var one saml.EntityDescriptor
		return &one, xml.Unmarshal(raw, &one)
	}
	for i := range list.Entities {
		if len(list.Entities[i].IDPSSODescriptors) > 0 {
			return &list.Entities[i], nil
		}
	}
	return &saml.EntityDescriptor{EntityID: "none"}, nil
}

// certificatesOf counts the certificates that may sign: 0 when one of them is none.
func certificatesOf(d *saml.IDPSSODescriptor) (n int) {
	for _, key := range d.KeyDescriptors {
		if key.Use != "" && key.Use != "signing" {
			continue
		}
		for _, certificate := range key.KeyInfo.X509Data.X509Certificates {
			raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(certificate.Data), ""))
			if err != nil {
				return 0
			}
			if _, err := x509.ParseCertificate(raw); err != nil {
				return 0
			}
			n++
		}
	}
	return n
}

func errFetch(err error, address, why string) error {
	return fault.Wrap(err, fault.Invalid, "SAML_METADATA_FETCH_FAILED", "%s fetching SAML Metadata from URL '%s'", why, address)
}

// fetchMetadata reads metadata from an address that a project chose. No transaction may be open.
func (s *Service) fetchMetadata(ctx context.Context, address string) ([]byte, error) {
	if err := s.d.Egress.CheckURL(address); err != nil {
		return nil, protocol.ErrValidation("metadata_url is not a HTTPS URL")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, protocol.ErrValidation("metadata_url is not a valid URL")
	}
	r.Header.Set("Accept", "application/samlmetadata+xml, application/xml;q=0.9")
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, errFetch(err, address, "Error")
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fault.New(fault.Invalid, "SAML_METADATA_FETCH_FAILED", "HTTP %d error fetching SAML Metadata from URL '%s'", answer.StatusCode, address)
	}
	raw, err := egress.Read(answer.Body, maxMetadata)
	if err != nil {
		return nil, errFetch(err, address, "Error")
	}
	return raw, nil
}

// provider finds one that is enabled, with its metadata, which is read again when it is stale.
func (s *Service) provider(ctx context.Context, bound *projectdb.Session, by filter, missing error) (p *provider, idp *saml.EntityDescriptor, err error) {
	err = store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		p, err = findOne(ctx, tx, by, missing)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return s.ready(ctx, bound, p)
}

// ready returns a provider that was found with its metadata, unless it is disabled.
func (s *Service) ready(ctx context.Context, bound *projectdb.Session, p *provider) (*provider, *saml.EntityDescriptor, error) {
	if p.off() {
		return nil, nil, errProviderDisabled
	}
	idp, err := parseMetadata([]byte(p.metadataXML))
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Internal, "SAML_METADATA_BROKEN", "The SAML Metadata of this SSO provider cannot be read any more.")
	}
	if p.metadataURL == nil || *p.metadataURL == "" || !stale(idp, p.read, time.Now()) {
		return p, idp, nil
	}
	key := ofProject{bound.Project.Ref, p.id}
	if at, ok := s.failed.Get(key); ok && time.Since(at) < tryAgain {
		return p, idp, nil
	}
	newer, err := s.refresh(ctx, bound, p)
	if err != nil { // signing in goes on with what is known
		s.failed.Add(key, time.Now())
		s.d.Log.LogAttrs(ctx, slog.LevelWarn, "SAML metadata could not be refreshed", slog.String("project", bound.Project.Ref),
			slog.String("sso_provider", p.id.String()), slog.Any("error", err))
		return p, idp, nil
	}
	return p, newer, nil
}

// stale tells that metadata should be read again.
func stale(idp *saml.EntityDescriptor, read, now time.Time) bool {
	switch {
	case !idp.ValidUntil.IsZero() && now.After(idp.ValidUntil):
		return true
	case idp.CacheDuration > 0:
		return now.After(read.Add(idp.CacheDuration))
	case idp.ValidUntil.IsZero():
		return now.After(read.Add(readAgain))
	}
	return false
}

func (s *Service) refresh(ctx context.Context, bound *projectdb.Session, p *provider) (*saml.EntityDescriptor, error) {
	raw, err := s.fetchMetadata(ctx, *p.metadataURL)
	if err != nil {
		return nil, err
	}
	idp, err := parseMetadata(raw)
	if err != nil {
		return nil, err
	}
	if idp.EntityID != p.entityID {
		return nil, errEntityMismatch(p.entityID, idp.EntityID)
	}
	return idp, store.InTx(ctx, bound, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, refreshMetadata, p.id, p.entityID, string(raw))
		return err
	})
}

func errEntityMismatch(want, got string) error {
	return fault.New(fault.Invalid, "SAML_ENTITY_ID_MISMATCH", "SAML Metadata can be updated only if the EntityID matches for the provider; expected '%s' but got '%s'", want, got)
}
