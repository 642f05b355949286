package sso

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/crewjam/saml"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
)

// mapping says which attributes of an assertion become which of a user's.
type mapping struct {
	Keys map[string]attribute `json:"keys,omitempty"`
}

// attribute is taken from the first of Name and Names that the assertion has; Array takes all of its values.
type attribute struct {
	Name    string   `json:"name,omitempty"`
	Names   []string `json:"names,omitempty"`
	Default any      `json:"default,omitempty"`
	Array   bool     `json:"array,omitempty"`
}

const (
	maxMappedKeys = 100
	maxUserID     = 1024
)

func (m *mapping) validate() error {
	if len(m.Keys) > maxMappedKeys {
		return protocol.ErrValidation("attribute_mapping must not have more than %d keys", maxMappedKeys)
	}
	encoded, err := json.Marshal(m)
	if err != nil || len(encoded) > protocol.MaxMetadata || strings.Contains(string(encoded), `\u0000`) {
		return protocol.ErrValidation("attribute_mapping must not be larger than %d bytes", protocol.MaxMetadata)
	}
	return nil
}

// values are those of the attributes of a name.
func values(a *saml.Assertion, name string) (out []string) {
	for _, statement := range a.AttributeStatements {
		for _, attr := range statement.Attributes {
			if name == "" || (attr.Name != name && attr.FriendlyName != name) {
				continue
			}
			for _, v := range attr.Values {
				if text := strings.TrimSpace(v.Value); text != "" {
					out = append(out, text)
				}
			}
		}
	}
	return out
}

func (m *mapping) process(a *saml.Assertion) map[string]any {
	out := map[string]any{}
	for key, wanted := range m.Keys {
		for _, name := range append([]string{wanted.Name}, wanted.Names...) {
			if found := values(a, name); len(found) > 0 {
				out[key] = found[0]
				if wanted.Array {
					out[key] = found
				}
				break
			}
		}
		if _, set := out[key]; !set && wanted.Default != nil {
			out[key] = wanted.Default
		}
	}
	return out
}

// userID is what the provider calls the user always, or "". The attribute subject-id is made for that; a name in the subject will do unless it is
// another one each time.
func userID(a *saml.Assertion) string {
	id := ""
	if found := values(a, "urn:oasis:names:tc:SAML:attribute:subject-id"); len(found) > 0 {
		id = found[0]
	} else if name := a.Subject.NameID; name != nil && name.Format != string(saml.TransientNameIDFormat) {
		id = strings.TrimSpace(name.Value)
		if name.Format == string(saml.EmailAddressNameIDFormat) {
			id = lower(id)
		}
	}
	if len(id) > maxUserID || strings.ContainsFunc(id, unicode.IsControl) {
		return ""
	}
	return id
}

// lower changes ASCII letters only.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, s)
}

// emailNames are attributes that providers give the address in.
var emailNames = []string{"urn:oid:0.9.2342.19200300.100.1.3", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
	"http://schemas.xmlsoap.org/claims/EmailAddress", "mail", "Mail", "email"}

func email(a *saml.Assertion, mapped map[string]any) (string, error) {
	address, _ := mapped["email"].(string)
	for _, name := range emailNames {
		if found := values(a, name); address == "" && len(found) > 0 {
			address = found[0]
		}
	}
	if name := a.Subject.NameID; address == "" && name != nil && name.Format == string(saml.EmailAddressNameIDFormat) {
		address = name.Value
	}
	normal, err := protocol.NormalEmail(address)
	if err != nil {
		return "", errNoEmail
	}
	return normal, nil
}

// plainClaims have a place of their own beside custom_claims.
var plainClaims = []string{"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender",
	"birthdate", "zoneinfo", "locale", "updated_at", "phone", "avatar_url", "full_name", "user_name", "slug"}

// ownClaims are never the mapping's to set.
var ownClaims = []string{"iss", "sub", "email", "email_verified", "phone_verified", "provider_id", "custom_claims"}

// person is what an assertion says of a user.
type person struct {
	id, email string
	data      protocol.Metadata
}

func newPerson(a *saml.Assertion, m mapping, entityID string) (*person, error) {
	out := &person{id: userID(a), data: protocol.Metadata{}}
	if out.id == "" {
		return nil, errNoUserID
	}
	mapped := m.process(a)
	var err error
	if out.email, err = email(a, mapped); err != nil {
		return nil, err
	}
	custom := map[string]any{}
	for key, value := range mapped {
		text, isText := value.(string)
		switch {
		case slices.Contains(ownClaims, key):
		case isText && slices.Contains(plainClaims, key):
			out.data.Set(key, text)
		default:
			custom[key] = value
		}
	}
	if len(custom) > 0 {
		out.data.Set("custom_claims", custom)
	}
	out.data.Set("iss", entityID)
	out.data.Set("sub", out.id)
	out.data.Set("email", out.email)
	out.data.Set("email_verified", true)
	out.data.Set("phone_verified", false)
	return out, out.data.Validate()
}
