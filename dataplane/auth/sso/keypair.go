package sso

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed" // the statements
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/crewjam/saml"
	"github.com/jackc/pgx/v5"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/key_pair.sql
var selectKeyPair string

//go:embed sql/put_key_pair.sql
var putKeyPair string

const (
	rsaBits = 2048
	// certificateLife is long, because providers are given the certificate by hand and trust it as it is.
	certificateLife = 20 * 365 * 24 * time.Hour
)

// keyPair is what the project signs requests with, and what assertions for it are encrypted with.
type keyPair struct {
	private     *rsa.PrivateKey
	certificate *x509.Certificate
}

// keyPair returns the project's, which is made when it is first asked for.
func (s *Service) keyPair(ctx context.Context, bound *projectdb.Session) (*keyPair, error) {
	if s.d.Sealer == nil {
		return nil, fault.New(fault.Unimplemented, "SAML_UNAVAILABLE", "This worker has no key to seal SAML's with.")
	}
	var found *keyPair
	read := func(tx *store.Tx) error {
		var sealed, certificate []byte
		err := tx.QueryRow(ctx, selectKeyPair).Scan(&sealed, &certificate)
		if err == nil {
			found, err = s.openKeyPair(bound.Project, sealed, certificate)
		}
		return err
	}
	err := store.InTx(ctx, bound, read)
	if !errors.Is(err, pgx.ErrNoRows) {
		return found, err
	}
	sealed, certificate, err := s.makeKeyPair(bound.Project)
	if err != nil {
		return nil, err
	}
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, putKeyPair, sealed, certificate); err != nil {
			return err
		}
		return read(tx)
	})
	return found, err
}

func sealContext(p *directory.Project) string { return "project/" + p.ID + "/saml" }

func (s *Service) openKeyPair(p *directory.Project, sealed, certificate []byte) (*keyPair, error) {
	plain, err := s.d.Sealer.Open(sealed, sealContext(p))
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS1PrivateKey(plain)
	if err != nil {
		return nil, fmt.Errorf("parse SAML key: %w", err)
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("parse SAML certificate: %w", err)
	}
	return &keyPair{private, parsed}, nil
}

func (s *Service) makeKeyPair(p *directory.Project) (sealed, certificate []byte, err error) {
	private, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, nil, fmt.Errorf("make SAML key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, fmt.Errorf("make SAML certificate: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: p.Ref}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(certificateLife), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, BasicConstraintsValid: true}
	if certificate, err = x509.CreateCertificate(rand.Reader, template, template, private.Public(), private); err != nil {
		return nil, nil, fmt.Errorf("make SAML certificate: %w", err)
	}
	sealed, err = s.d.Sealer.Seal(x509.MarshalPKCS1PrivateKey(private), sealContext(p))
	return sealed, certificate, err
}

// party is the project as a service provider towards an identity provider, or towards none yet.
func (k *keyPair) party(p *directory.Project, idp *saml.EntityDescriptor) *saml.ServiceProvider {
	own := place(p, "metadata")
	return &saml.ServiceProvider{EntityID: own.String(), Key: k.private, Certificate: k.certificate, MetadataURL: own, AcsURL: place(p, "acs"),
		IDPMetadata: idp, AuthnNameIDFormat: saml.PersistentNameIDFormat, SignatureMethod: dsig.RSASHA256SignatureMethod}
}
