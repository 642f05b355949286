package sso

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/crewjam/saml"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

const (
	maxDomains    = 100
	maxResourceID = 255
)

// providerRequest is what an admin says of a provider; what is nil stays.
type providerRequest struct {
	Type         string    `json:"type"`
	MetadataXML  string    `json:"metadata_xml"`
	MetadataURL  string    `json:"metadata_url"`
	Domains      *[]string `json:"domains"`
	Mapping      *mapping  `json:"attribute_mapping"`
	NameIDFormat *string   `json:"name_id_format"`
	Disabled     *bool     `json:"disabled"`
	ResourceID   *string   `json:"resource_id"`
}

var nameIDFormats = []string{string(saml.PersistentNameIDFormat), string(saml.EmailAddressNameIDFormat), string(saml.TransientNameIDFormat),
	string(saml.UnspecifiedNameIDFormat)}

var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

func (in *providerRequest) validate() error {
	if in.MetadataURL != "" && in.MetadataXML != "" {
		return protocol.ErrValidation("Only one of metadata_xml or metadata_url needs to be set")
	}
	if f := in.NameIDFormat; f != nil && *f != "" && !slices.Contains(nameIDFormats, *f) {
		return protocol.ErrValidation("name_id_format must be unspecified or one of %s", strings.Join(nameIDFormats, ", "))
	}
	if in.ResourceID != nil && (len(*in.ResourceID) > maxResourceID || strings.ContainsRune(*in.ResourceID, 0)) {
		return protocol.ErrValidation("resource_id must not be longer than %d bytes", maxResourceID)
	}
	if in.Domains != nil {
		if len(*in.Domains) > maxDomains {
			return protocol.ErrValidation("domains must not be more than %d", maxDomains)
		}
		domains := make([]string, len(*in.Domains))
		for i, domain := range *in.Domains {
			domains[i] = strings.ToLower(strings.TrimSpace(domain))
			if len(domains[i]) > 253 || !domainForm.MatchString(domains[i]) {
				return protocol.ErrValidation("'%s' is not a domain", domain)
			}
		}
		slices.Sort(domains)
		domains = slices.Compact(domains)
		in.Domains = &domains
	}
	if in.Mapping != nil {
		return in.Mapping.validate()
	}
	return nil
}

// apply changes a provider as asked. Metadata by address is fetched here, so no transaction may be open.
func (s *Service) apply(r *http.Request, in *providerRequest, p *provider) (newMetadata bool, err error) {
	raw := []byte(in.MetadataXML)
	if in.MetadataURL != "" {
		if raw, err = s.fetchMetadata(r.Context(), in.MetadataURL); err != nil {
			return false, err
		}
	}
	if len(raw) > 0 {
		idp, err := parseMetadata(raw)
		if err != nil {
			return false, err
		}
		if p.entityID != "" && p.entityID != idp.EntityID {
			return false, errEntityMismatch(p.entityID, idp.EntityID)
		}
		p.entityID, p.metadataXML, newMetadata = idp.EntityID, string(raw), true
		p.metadataURL = orNull(in.MetadataURL)
	}
	if in.Domains != nil {
		p.domains = *in.Domains
	}
	if in.Mapping != nil {
		if p.mapping, err = json.Marshal(in.Mapping); err != nil {
			return false, err
		}
	}
	if in.NameIDFormat != nil {
		p.nameIDFormat = orNull(*in.NameIDFormat)
	}
	if in.Disabled != nil {
		p.disabled = in.Disabled
	}
	if in.ResourceID != nil {
		p.resourceID = orNull(*in.ResourceID)
	}
	return newMetadata, nil
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// maxBody lets metadata in, escaped as JSON.
const maxBody = 2*maxMetadata + protocol.MaxBody

// create answers POST /admin/sso/providers.
func (s *Service) create(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in providerRequest
	if err := protocol.DecodeUpTo(w, r, &in, maxBody); err != nil {
		return err
	}
	switch {
	case in.Type != "saml":
		return protocol.ErrValidation("Only 'saml' supported for SSO provider type")
	case in.MetadataURL == "" && in.MetadataXML == "":
		return protocol.ErrValidation("Either metadata_xml or metadata_url must be set")
	}
	if err := in.validate(); err != nil {
		return err
	}
	p := &provider{id: uuid.New(), mapping: json.RawMessage("{}"), domains: []string{}}
	if _, err := s.apply(r, &in, p); err != nil {
		return err
	}
	saved, err := s.save(r.Context(), bound, p, true, true, "sso_provider_created", protocol.Client(r))
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusCreated, saved.body())
	return nil
}

// update answers PUT /admin/sso/providers/{id}.
func (s *Service) update(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in providerRequest
	if err := protocol.DecodeUpTo(w, r, &in, maxBody); err != nil {
		return err
	}
	if err := in.validate(); err != nil {
		return err
	}
	p, err := s.named(r, bound)
	if err != nil {
		return err
	}
	newMetadata, err := s.apply(r, &in, p)
	if err != nil {
		return err
	}
	saved, err := s.save(r.Context(), bound, p, false, newMetadata, "sso_provider_updated", protocol.Client(r))
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, saved.body())
	return nil
}

// byName is the filter for the provider in a path: its id, or "resource_" and its resource id.
func byName(r *http.Request) (filter, error) {
	name := chi.URLParam(r, "id")
	if resource, ok := strings.CutPrefix(name, "resource_"); ok && resource != "" && !strings.ContainsRune(resource, 0) {
		return filter{resourceID: &resource}, nil
	}
	id, err := uuid.Parse(name)
	if err != nil {
		return filter{}, errNoSuchProvider
	}
	return filter{id: &id}, nil
}

// named is the provider that a path names.
func (s *Service) named(r *http.Request, bound *projectdb.Session) (*provider, error) {
	by, err := byName(r)
	if err != nil {
		return nil, err
	}
	var p *provider
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
		p, err = findOne(r.Context(), tx, by, errNoSuchProvider)
		return err
	})
	return p, err
}

// get answers GET /admin/sso/providers/{id}.
func (s *Service) get(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	p, err := s.named(r, bound)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, p.body())
	return nil
}

// list answers GET /admin/sso/providers.
func (s *Service) list(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	query := r.URL.Query()
	by := filter{resourceID: orNull(query.Get("resource_id"))}
	if by.resourceID == nil {
		by.resourcePrefix = orNull(query.Get("resource_id_prefix"))
	}
	var found []*provider
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
		found, err = find(r.Context(), tx, by)
		return err
	})
	if err != nil {
		return err
	}
	items := make([]providerBody, len(found))
	for i, p := range found {
		p.metadataXML = "" // it is long
		items[i] = p.body()
	}
	protocol.WriteJSON(w, http.StatusOK, map[string]any{"items": items})
	return nil
}

// remove answers DELETE /admin/sso/providers/{id} with what was deleted. Its users stay, and cannot sign in any more.
func (s *Service) remove(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	by, err := byName(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	var p *provider
	err = store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		if p, err = findOne(ctx, tx, by, errNoSuchProvider); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteProvider, p.id); err != nil {
			return err
		}
		return audit(ctx, tx, bound, "sso_provider_deleted", p, protocol.Client(r))
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, p.body())
	return nil
}
