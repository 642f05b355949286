package catalog

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Email is an address that a provider knows of a user.
type Email struct {
	Address string
	// Verified tells that the provider knows it to be the user's. Nothing else makes an address count as proved.
	Verified bool
	Primary  bool
}

// Profile is who signed in at a provider.
type Profile struct {
	// Subject is the user's name at the provider, which never changes.
	Subject string
	Emails  []Email
	// Claims are the rest, by GoTrue's keys of identity_data.
	Claims map[string]any
}

// Email returns the address that a user is known by: a verified one before others, and among equals the primary one, or else the first. It is nil
// when there is none.
func (p *Profile) Email() *Email {
	var best *Email
	rank := func(e *Email) int {
		switch {
		case e == nil:
			return -1
		case e.Verified && e.Primary:
			return 3
		case e.Verified:
			return 2
		case e.Primary:
			return 1
		}
		return 0
	}
	for i := range p.Emails {
		if e := &p.Emails[i]; rank(e) > rank(best) {
			best = e
		}
	}
	return best
}

func (p *Profile) complete(issuer string) Profile {
	if p.Claims == nil {
		p.Claims = map[string]any{}
	}
	for key, value := range p.Claims {
		if s, isText := value.(string); isText && s == "" || value == nil {
			delete(p.Claims, key)
		}
	}
	if custom, ok := p.Claims["custom_claims"].(map[string]any); ok && len(custom) == 0 {
		delete(p.Claims, "custom_claims")
	}
	if issuer != "" {
		p.Claims["iss"] = issuer
	}
	p.Claims["sub"], p.Claims["provider_id"] = p.Subject, p.Subject
	return *p
}

func (p *Profile) add(address string, verified, primary bool) {
	if address != "" {
		p.Emails = append(p.Emails, Email{Address: address, Verified: verified, Primary: primary})
	}
}

// Raw is a JSON object whose numbers are json.Number.
type Raw map[string]any

// get follows keys that are parted by |. A number is a place in a list.
func (r Raw) get(path string) any {
	var at any = map[string]any(r)
	for key := range strings.SplitSeq(path, "|") {
		switch v := at.(type) {
		case map[string]any:
			at = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// String returns a string or number at a path of keys parted by |, or "".
func (r Raw) String(path string) string {
	switch v := r.get(path).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// Bool returns whether there is true at a path, or what stands for it: "true", "1" or 1.
func (r Raw) Bool(path string) bool {
	switch v := r.get(path).(type) {
	case bool:
		return v
	case string:
		return v == "true" || v == "1"
	case json.Number:
		return v == "1"
	}
	return false
}

func (r Raw) list(path string) []Raw {
	values, _ := r.get(path).([]any)
	var out []Raw
	for _, v := range values {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// fields makes a reader of a table: "claim=path", with the paths of Raw.String. The path of the claim sub is the subject.
func fields(table string, more ...func(*Profile, Raw)) func(Raw) Profile {
	return func(r Raw) Profile {
		p := Profile{Claims: map[string]any{}}
		for pair := range strings.FieldsSeq(table) {
			claim, path, _ := strings.Cut(pair, "=")
			if claim == "sub" {
				p.Subject = r.String(path)
				continue
			}
			p.Claims[claim] = r.String(path)
		}
		for _, add := range more {
			add(&p, r)
		}
		return p
	}
}

// verifiedBy reads the address email, which counts as verified when there is true at a path.
func verifiedBy(path string) func(*Profile, Raw) {
	return func(p *Profile, r Raw) { p.add(r.String("email"), r.Bool(path), true) }
}

// alwaysVerified reads one address of a provider that tells only those that it has verified.
func alwaysVerified(address string) func(*Profile, Raw) {
	return func(p *Profile, r Raw) { p.add(r.String(address), true, true) }
}

// neverVerified reads one address of a provider that does not tell whether it has verified it.
func neverVerified(address string) func(*Profile, Raw) {
	return func(p *Profile, r Raw) { p.add(r.String(address), false, true) }
}

// custom copies values as they are into custom_claims.
func custom(keys ...string) func(*Profile, Raw) {
	return func(p *Profile, r Raw) {
		kept, _ := p.Claims["custom_claims"].(map[string]any)
		if kept == nil {
			kept = map[string]any{}
		}
		for _, key := range keys {
			if v := r[key]; v != nil && v != "" {
				kept[key] = v
			}
		}
		p.Claims["custom_claims"] = kept
	}
}

// fullName joins two names.
func fullName(first, last string) func(*Profile, Raw) {
	return func(p *Profile, r Raw) {
		name := strings.TrimSpace(r.String(first) + " " + r.String(last))
		p.Claims["name"], p.Claims["full_name"] = name, name
	}
}

// standardFields are the claims of OpenID Connect's scope profile.
const standardFields = `sub=sub name=name full_name=name family_name=family_name given_name=given_name middle_name=middle_name nickname=nickname
	preferred_username=preferred_username profile=profile picture=picture avatar_url=picture website=website gender=gender birthdate=birthdate
	zoneinfo=zoneinfo locale=locale`

var standard = fields(standardFields, verifiedBy("email_verified"))

// Standard reads the claims of OpenID Connect, of an ID token or of a userinfo endpoint, with phone and its custom claims.
func Standard(claims Raw) Profile {
	p := standard(claims)
	p.Claims["phone"] = claims.String("phone")
	if p.Claims["phone"] == "" {
		p.Claims["phone"] = claims.String("phone_number")
	}
	if given, ok := claims["custom_claims"].(map[string]any); ok {
		p.Claims["custom_claims"] = given
	}
	if given := claims.String("full_name"); given != "" {
		p.Claims["full_name"] = given
	}
	if given := claims.String("avatar_url"); given != "" {
		p.Claims["avatar_url"] = given
	}
	if given := claims.String("user_name"); given != "" {
		p.Claims["user_name"] = given
	}
	return p.complete(claims.String("iss"))
}
