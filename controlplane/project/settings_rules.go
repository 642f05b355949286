package project

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/wayli-app/fluxbase/internal/setting"
)

// faults are sentences by the key of the setting that has to change.
type faults map[string]string

func (f faults) add(key, format string, args ...any) {
	if _, told := f[key]; !told {
		f[key] = key + ": " + fmt.Sprintf(format, args...)
	}
}

// need tells of each setting without a value, which whatever why names cannot do without.
func (f faults) need(v setting.Values, why string, keys ...string) {
	for _, key := range keys {
		if missing(v, key) {
			f.add(key, "give a value, which %s needs", why)
		}
	}
}

func missing(v setting.Values, key string) bool {
	switch value := v[key].(type) {
	case string:
		return value == ""
	case []string:
		return len(value) == 0
	case nil:
		d, _ := setting.Lookup(key)
		words, isList := d.Default.([]string)
		return d.Default == "" || isList && len(words) == 0
	}
	return false
}

func on(v setting.Values, key string) bool { return setting.Get[bool](v, key) }

func text(v setting.Values, key string) string { return setting.Get[string](v, key) }

// conflicts tells what of the changed settings cannot work with the others. What could not work before either is no reason
// to refuse a change of something else.
func conflicts(before, after setting.Values, changes map[string]any) map[string]string {
	old, out := rules(before), rules(after)
	for key, sentence := range out {
		if _, changed := changes[key]; !changed && old[key] == sentence {
			delete(out, key)
		}
	}
	checkKept(before, after, changes, out)
	return out
}

// rules tells everything that cannot work in a project's settings.
func rules(v setting.Values) faults {
	out := faults{}
	checkProviders(v, out)
	checkMail(v, out)
	checkMessages(v, out)
	checkHooks(v, out)
	checkFactors(v, out)
	if on(v, "auth.captcha.enabled") {
		out.need(v, "auth.captcha.enabled", "auth.captcha.secret")
	}
	checkEncrypted(v, out, "auth.password_breached_url")
	for _, to := range []string{"storage.webhook", "storage.cdn_purge"} {
		checkEncrypted(v, out, to+"_url")
		checkSigns(v, out, to+"_secret")
	}
	return out
}

func checkProviders(v setting.Values, out faults) {
	for _, p := range setting.Providers {
		key := "auth.external." + p.Name + "."
		if p.Hosted {
			checkEncrypted(v, out, key+"url")
		}
		if !on(v, key+"enabled") {
			continue
		}
		out.need(v, "sign-in with "+p.Title, key+"client_id", key+"secret")
		if p.Name == "keycloak" { // which nobody hosts for everybody
			out.need(v, "sign-in with "+p.Title, key+"url")
		}
	}
}

func checkMail(v setting.Values, out faults) {
	if text(v, "auth.smtp.host") == "" {
		return
	}
	out.need(v, "mail through auth.smtp.host", "auth.smtp.sender_address")
	if text(v, "auth.smtp.user") != "" {
		out.need(v, "signing in as auth.smtp.user", "auth.smtp.password")
	}
}

// credentials are what providers of text messages cannot do without.
var credentials = map[string][]string{
	"twilio":        {"auth.sms.twilio.account_sid", "auth.sms.twilio.auth_token", "auth.sms.twilio.message_service_sid"},
	"twilio_verify": {"auth.sms.twilio.account_sid", "auth.sms.twilio.auth_token", "auth.sms.twilio.message_service_sid"},
	"vonage":        {"auth.sms.vonage.api_key", "auth.sms.vonage.api_secret", "auth.sms.vonage.from"},
	"messagebird":   {"auth.sms.messagebird.access_key", "auth.sms.messagebird.originator"},
	"http":          {"auth.sms.http.url", "auth.sms.http.secret"},
}

func checkMessages(v setting.Values, out faults) {
	provider := text(v, "auth.sms.provider")
	out.need(v, "auth.sms.provider "+provider, credentials[provider]...)
	checkEncrypted(v, out, "auth.sms.http.url")
	checkSigns(v, out, "auth.sms.http.secret")
	if provider != "none" || on(v, "auth.hook.send_sms.enabled") || len(setting.Get[[]string](v, "auth.phone.test_otps")) > 0 {
		return
	}
	const advice = "nothing would send its messages: choose an auth.sms.provider, or switch on the hook send_sms"
	if on(v, "auth.phone.enabled") && !on(v, "auth.phone.autoconfirm") {
		out.add("auth.phone.enabled", "%s, name auth.phone.test_otps, or set auth.phone.autoconfirm", advice)
	}
	if on(v, "auth.mfa.phone.enroll_enabled") || on(v, "auth.mfa.phone.verify_enabled") {
		key := "auth.mfa.phone.enroll_enabled"
		if !on(v, key) {
			key = "auth.mfa.phone.verify_enabled"
		}
		out.add(key, "%s, or name auth.phone.test_otps", advice)
	}
}

func checkHooks(v setting.Values, out faults) {
	for _, h := range setting.Hooks {
		key := "auth.hook." + h.Name + "."
		uri := text(v, key+"uri")
		checkEncrypted(v, out, key+"uri")
		checkSigns(v, out, key+"secrets")
		if !on(v, key+"enabled") {
			continue
		}
		out.need(v, key+"enabled", key+"uri")
		if strings.HasPrefix(uri, "http") {
			out.need(v, "a hook at a web address", key+"secrets")
		}
	}
}

func checkSigns(v setting.Values, out faults, key string) {
	if secrets := text(v, key); secrets != "" && !signs(secrets) {
		out.add(key, "write v1,whsec_ and 24 to 64 random bytes in base64, several between |")
	}
}

// signs tells whether text is a list of Standard Webhooks' secrets.
func signs(text string) bool {
	for one := range strings.SplitSeq(text, "|") {
		encoded, ok := strings.CutPrefix(one, "v1,whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) < 24 || len(key) > 64 {
			return false
		}
	}
	return true
}

func checkFactors(v setting.Values, out faults) {
	for _, kind := range []string{"totp", "phone", "webauthn"} {
		key := "auth.mfa." + kind + "."
		if on(v, key+"enroll_enabled") && !on(v, key+"verify_enabled") {
			out.add(key+"verify_enabled", "a factor is added by verifying it: switch this on, or %senroll_enabled off", key)
		}
	}
	asked := on(v, "auth.passkey.enabled") || on(v, "auth.mfa.webauthn.verify_enabled")
	if asked || text(v, "auth.webauthn.rp_id") != "" {
		checkRelyingParty(v, out)
	}
}

// checkRelyingParty holds rp_id to what browsers accept: the host of each origin, or a domain that it is part of and that
// somebody can own.
func checkRelyingParty(v setting.Values, out faults) {
	const key, originsKey = "auth.webauthn.rp_id", "auth.webauthn.rp_origins"
	origins, named := setting.Get[[]string](v, originsKey), originsKey
	if len(origins) == 0 {
		origins, named = []string{text(v, "auth.site_url")}, "auth.site_url"
	}
	party := text(v, key)
	if party == "" {
		party = host(text(v, "auth.site_url"))
	}
	if _, err := netip.ParseAddr(party); err == nil {
		out.add(key, "passkeys and security keys belong to a domain, not to the address %s", party)
		return
	}
	for _, origin := range origins {
		if strings.HasPrefix(origin, "android:") {
			continue
		}
		if at := host(origin); at != party && !above(party, at) {
			out.add(key, "%q is neither the host of %s in %s nor a domain above it that somebody can own", party, origin, named)
		} else if !encrypted(origin) {
			out.add(named, "browsers offer passkeys and security keys at https addresses and at localhost only, not at %s", origin)
		}
	}
}

// above tells whether a domain is above a host and is not one under which everybody registers, as com and co.uk are.
func above(domain, host string) bool {
	_, err := publicsuffix.EffectiveTLDPlusOne(domain)
	return err == nil && strings.HasSuffix(host, "."+domain)
}

// checkEncrypted wants https of an address that secrets or users' data go to, unless it stays on the machine.
func checkEncrypted(v setting.Values, out faults, key string) {
	if address := text(v, key); strings.HasPrefix(strings.ToLower(address), "http:") && !encrypted(address) {
		out.add(key, "use https, as secrets and users' data would travel in clear")
	}
}

func encrypted(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	at, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost") || err == nil && at.IsLoopback()
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// checkKept refuses to send a secret elsewhere than where it was given for: who may change settings may not read secrets,
// and would else learn one by naming a server of their own.
func checkKept(before, after setting.Values, changes map[string]any, out faults) {
	pairs := [][2]string{{"auth.smtp.host", "auth.smtp.password"}}
	for _, p := range setting.Providers {
		if p.Hosted {
			pairs = append(pairs, [2]string{"auth.external." + p.Name + ".url", "auth.external." + p.Name + ".secret"})
		}
	}
	for _, pair := range pairs {
		address, secret := pair[0], pair[1]
		_, given := changes[secret]
		if moved := text(before, address) != text(after, address); moved && !given && !missing(before, secret) && text(after, address) != "" {
			out.add(secret, "give it again, as %s changes and it would be sent there", address)
		}
	}
}
