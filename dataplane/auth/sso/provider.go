package sso

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/find_providers.sql
var findProviders string

//go:embed sql/taken_domain.sql
var takenDomain string

//go:embed sql/insert_provider.sql
var insertProvider string

//go:embed sql/update_provider.sql
var updateProvider string

//go:embed sql/delete_provider.sql
var deleteProvider string

// provider is a company's identity provider.
type provider struct {
	id                     uuid.UUID
	resourceID             *string
	disabled               *bool
	entityID, metadataXML  string
	metadataURL            *string
	mapping                json.RawMessage
	nameIDFormat           *string
	domains                []string
	created, updated, read time.Time // read is when the metadata was
}

func (p *provider) off() bool { return p.disabled != nil && *p.disabled }

// filter names providers; nil fields are any.
type filter struct {
	id                                           *uuid.UUID
	entityID, domain, resourceID, resourcePrefix *string
}

// find returns the providers of a filter, oldest first.
func find(ctx context.Context, tx pgx.Tx, f filter) ([]*provider, error) {
	rows, err := tx.Query(ctx, findProviders, f.id, f.entityID, f.domain, f.resourceID, f.resourcePrefix)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*provider, error) {
		var p provider
		err := row.Scan(&p.id, &p.resourceID, &p.disabled, &p.entityID, &p.metadataXML, &p.metadataURL, &p.mapping, &p.nameIDFormat, &p.domains,
			&p.created, &p.updated, &p.read)
		return &p, err
	})
}

// findOne returns the provider of a filter, or the error when there is none.
func findOne(ctx context.Context, tx pgx.Tx, f filter, missing error) (*provider, error) {
	found, err := find(ctx, tx, f)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, missing
	}
	return found[0], nil
}

// save inserts or updates a provider in a transaction of its own, and reads it again.
func (s *Service) save(ctx context.Context, bound *projectdb.Session, p *provider, fresh, newMetadata bool, action string, c store.Client) (*provider, error) {
	var saved *provider
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		if err := requireFreeDomains(ctx, tx, p); err != nil {
			return err
		}
		var err error
		if fresh {
			_, err = tx.Exec(ctx, insertProvider, p.id, p.resourceID, p.disabled, p.entityID, p.metadataXML, p.metadataURL, p.mapping, p.nameIDFormat, p.domains)
		} else {
			_, err = tx.Exec(ctx, updateProvider, p.id, p.resourceID, p.disabled, p.metadataXML, p.metadataURL, newMetadata, p.mapping, p.nameIDFormat, p.domains)
		}
		if err != nil {
			return taken(err, p)
		}
		if err := audit(ctx, tx, bound, action, p, c); err != nil {
			return err
		}
		saved, err = findOne(ctx, tx, filter{id: &p.id}, errNoSuchProvider)
		return err
	})
	return saved, err
}

func requireFreeDomains(ctx context.Context, tx pgx.Tx, p *provider) error {
	if len(p.domains) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, takenDomain, p.domains, p.id)
	if err != nil {
		return err
	}
	var domain string
	var owner uuid.UUID
	var refused error
	_, err = pgx.ForEachRow(rows, []any{&domain, &owner}, func() error {
		refused = fault.New(fault.Invalid, "SSO_DOMAIN_ALREADY_EXISTS", "SSO Domain '%s' is already assigned to an SSO identity provider (%s)", domain, owner)
		return nil
	})
	if err != nil {
		return err
	}
	return refused
}

// taken names what another provider has that was made at the same time.
func taken(err error, p *provider) error {
	if pg.Code(err) != pgerrcode.UniqueViolation {
		return err
	}
	switch pg.Constraint(err) {
	case "saml_providers_entity_id_key":
		return errEntityExists(p.entityID)
	case "sso_domains_domain_idx":
		return fault.New(fault.Invalid, "SSO_DOMAIN_ALREADY_EXISTS", "An SSO Domain is already assigned to an SSO identity provider")
	}
	return fault.Wrap(err, fault.FailedPrecondition, "CONFLICT", "Another SSO provider has this resource_id")
}

func errEntityExists(entityID string) error {
	return fault.New(fault.FailedPrecondition, "SAML_IDP_ALREADY_EXISTS", "SAML Identity Provider with this EntityID (%s) already exists", entityID)
}

func audit(ctx context.Context, tx *store.Tx, bound *projectdb.Session, action string, p *provider, c store.Client) error {
	return store.Audit(ctx, tx, bound.Project, store.Event{Action: action, Developer: bound.Caller.Developer, Address: c.Address,
		Traits: map[string]any{"sso_provider_id": p.id, "entity_id": p.entityID}})
}

// providerBody is a provider as GoTrue's admin API shows it.
type providerBody struct {
	ID         uuid.UUID    `json:"id"`
	ResourceID *string      `json:"resource_id,omitempty"`
	Disabled   *bool        `json:"disabled,omitempty"`
	SAML       samlBody     `json:"saml"`
	Domains    []domainBody `json:"domains"`
	Created    time.Time    `json:"created_at"`
	Updated    time.Time    `json:"updated_at"`
}

type samlBody struct {
	EntityID     string          `json:"entity_id"`
	MetadataXML  string          `json:"metadata_xml,omitempty"`
	MetadataURL  *string         `json:"metadata_url,omitempty"`
	Mapping      json.RawMessage `json:"attribute_mapping"`
	NameIDFormat *string         `json:"name_id_format,omitempty"`
}

type domainBody struct {
	Domain string `json:"domain"`
}

func (p *provider) body() providerBody {
	out := providerBody{ID: p.id, ResourceID: p.resourceID, Disabled: p.disabled, Domains: make([]domainBody, len(p.domains)), Created: p.created.UTC(), Updated: p.updated.UTC(),
		SAML: samlBody{EntityID: p.entityID, MetadataXML: p.metadataXML, MetadataURL: p.metadataURL, Mapping: p.mapping, NameIDFormat: p.nameIDFormat}}
	for i, domain := range p.domains {
		out.Domains[i].Domain = domain
	}
	return out
}

// readMapping reads an attribute mapping as it is stored.
func (p *provider) readMapping() (mapping, error) {
	var m mapping
	if err := json.Unmarshal(p.mapping, &m); err != nil {
		return m, protocol.ErrValidation("attribute_mapping of the SSO provider is not valid")
	}
	return m, nil
}
