package setting

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Helpers to write the long list of auth's settings in short lines.

func flag(key string, fallback bool, description string) Definition {
	return Definition{Key: key, Type: Boolean, Default: fallback, Description: description}
}

func count(key string, fallback, least, most int64, description string) Definition {
	return Definition{Key: key, Type: Integer, Default: fallback, Min: least, Max: most, Description: description}
}

func seconds(key string, fallback, least, most int64, description string) Definition {
	return Definition{Key: key, Type: Duration, Default: fallback, Min: least, Max: most, Description: description}
}

func word(key, fallback, description string, check func(any) error) Definition {
	return Definition{Key: key, Type: String, Default: fallback, Description: description, check: check}
}

func oneOf(key, description string, values ...string) Definition {
	return Definition{Key: key, Type: String, Default: values[0], OneOf: values, Description: description}
}

func secret(key, description string) Definition {
	return Definition{Key: key, Type: Secret, Default: "", Description: description, check: checkShort}
}

func list(key, description string, check func(any) error) Definition {
	return Definition{Key: key, Type: StringList, Default: []string{}, Description: description, check: check}
}

// authSettings are those of sign-up, sign-in, sessions and defence.
var authSettings = []Definition{
	word("auth.site_url", "http://localhost:3000", "The app's own address: where links lead when no other is asked for.", checkURL),
	list("auth.redirect_urls", "Addresses that links and sign-ins may lead to besides site_url. * stands for letters within a part, ** for any, ? for one.", checkRedirects),
	flag("auth.disable_signup", false, "Whether new users are refused."),
	flag("auth.email.enabled", true, "Whether users sign up and in with an email address."),
	flag("auth.autoconfirm", false, "Whether an email address counts as confirmed at sign-up, without a mail. Then anyone may claim any address."),
	flag("auth.email.allow_unverified_sign_in", false, "Whether users sign in before their email address is confirmed. Then who signs up first with an address keeps its password, also once its owner confirms it."),
	flag("auth.email.secure_change", true, "Whether a change of address must be confirmed at the old address too."),
	count("auth.email.otp_length", 6, 6, 10, "Digits of the code in a mail."),
	seconds("auth.email.otp_expiry", 3600, 60, 86400, "How long a code or link in a mail is good."),
	seconds("auth.email.max_frequency", 60, 0, 86400, "Least time between two mails to one user."),
	flag("auth.phone.enabled", false, "Whether users sign up and in with a phone number."),
	flag("auth.phone.autoconfirm", false, "Whether a phone number counts as confirmed at sign-up, without a message."),
	count("auth.phone.otp_length", 6, 6, 10, "Digits of the code in a text message."),
	seconds("auth.phone.otp_expiry", 60, 30, 86400, "How long a code in a text message is good."),
	seconds("auth.phone.max_frequency", 60, 0, 86400, "Least time between two text messages to one user."),
	list("auth.phone.test_otps", "Numbers that get no message and have a fixed code, for stores' reviewers: each as 15551234567=123456.", checkTestOTPs),
	flag("auth.anonymous.enabled", false, "Whether users sign in without saying who they are."),
	flag("auth.manual_linking", false, "Whether signed-in users link further identities themselves."),
	count("auth.password_min_length", 6, 6, 72, "Least number of characters of a new password."),
	oneOf("auth.password_required_characters", "What a new password must have.", "none", "letters_digits", "lower_upper_letters_digits", "lower_upper_letters_digits_symbols"),
	flag("auth.password_breached_check", false, "Whether new passwords that are known from breaches are refused. Only five characters of a password's SHA-1 leave the worker."),
	word("auth.password_breached_url", "https://api.pwnedpasswords.com/range/", "Where breached passwords are looked up, by k-anonymity range as Have I Been Pwned's.", checkURL),
	flag("auth.password_breached_fail_closed", false, "Whether a new password is refused when the look-up fails."),
	flag("auth.password_change_reauthentication", false, "Whether changing the password takes a code sent by mail or message, unless the user signed in within the last day."),
	flag("auth.password_change_current", false, "Whether changing the password takes the old one."),
	seconds("auth.jwt_expiry", 3600, 60, 604800, "Life of an access token."),
	flag("auth.refresh_token_rotation", true, "Whether a refresh token is used once. Off, one is good until its session ends."),
	seconds("auth.refresh_token_reuse_interval", 10, 0, 60, "For how long a rotated refresh token may be used again, for clients that lost the answer."),
	seconds("auth.session_timebox", 0, 0, 31536000, "The longest that a session lasts; 0 for no limit."),
	seconds("auth.session_inactivity_timeout", 0, 0, 31536000, "How long a session lasts without a refresh; 0 for no limit."),
	flag("auth.session_single_per_user", false, "Whether signing in ends the user's other sessions."),
	flag("auth.audit_log", true, "Whether what happens is recorded in auth.audit_log_entries."),
	flag("auth.captcha.enabled", false, "Whether signing up, in and recovering takes a CAPTCHA."),
	oneOf("auth.captcha.provider", "Whose CAPTCHA.", "hcaptcha", "turnstile"),
	secret("auth.captcha.secret", "The provider's secret for this site."),
	count("auth.rate_limit.email_sent", 100, 0, 1_000_000, "Mails that the project sends in an hour; 0 for none."),
	count("auth.rate_limit.sms_sent", 100, 0, 1_000_000, "Text messages that the project sends in an hour; 0 for none."),
	count("auth.rate_limit.sign_in_sign_ups", 300, 1, 1_000_000, "Sign-ups and sign-ins of one address in five minutes."),
	count("auth.rate_limit.otp", 60, 1, 1_000_000, "Requests for codes and links of one address in five minutes."),
	count("auth.rate_limit.verify", 60, 1, 1_000_000, "Tries of codes and links of one address in five minutes."),
	count("auth.rate_limit.token_refresh", 1800, 1, 1_000_000, "Refreshes of one address in five minutes."),
	count("auth.rate_limit.anonymous_users", 30, 1, 1_000_000, "Anonymous sign-ins of one address in an hour."),
	flag("auth.saml.enabled", false, "Whether users sign in at SAML 2.0 identity providers of their companies."),
	flag("auth.web3.ethereum.enabled", false, "Whether users sign in with an Ethereum wallet."),
	flag("auth.web3.solana.enabled", false, "Whether users sign in with a Solana wallet."),
	flag("auth.oauth_server.enabled", false, "Whether the project is an OAuth 2.1 and OpenID Connect provider for other apps."),
	flag("auth.oauth_server.dynamic_registration", false, "Whether apps register themselves as clients."),
	word("auth.oauth_server.authorization_path", "/oauth/consent", "Page of the app, below site_url, that asks users for their consent.", checkPath),
}

// authFactorSettings are those of multi-factor authentication and passkeys.
var authFactorSettings = []Definition{
	count("auth.mfa.max_enrolled_factors", 10, 1, 30, "The most factors that one user has."),
	seconds("auth.mfa.challenge_expiry", 300, 30, 3600, "How long a challenge may be answered."),
	flag("auth.mfa.totp.enroll_enabled", true, "Whether users add authenticator apps."),
	flag("auth.mfa.totp.verify_enabled", true, "Whether users sign in with authenticator apps."),
	flag("auth.mfa.phone.enroll_enabled", false, "Whether users add phones as a second factor."),
	flag("auth.mfa.phone.verify_enabled", false, "Whether users sign in with phones as a second factor."),
	count("auth.mfa.phone.otp_length", 6, 6, 10, "Digits of the code for a second factor."),
	seconds("auth.mfa.phone.max_frequency", 60, 0, 86400, "Least time between two codes to one phone."),
	word("auth.mfa.phone.template", "Your code is {{ .Code }}", "Text of the message with the code.", checkMessage),
	flag("auth.mfa.webauthn.enroll_enabled", false, "Whether users add security keys as a second factor."),
	flag("auth.mfa.webauthn.verify_enabled", false, "Whether users sign in with security keys as a second factor."),
	flag("auth.passkey.enabled", false, "Whether users sign in with passkeys alone."),
	word("auth.webauthn.rp_id", "", "Relying party of passkeys and security keys: a domain. Empty for site_url's host.", checkHost),
	word("auth.webauthn.rp_display_name", "", "Name that passkeys are shown with. Empty for rp_id.", checkShort),
	list("auth.webauthn.rp_origins", "Origins where passkeys are used. Empty for site_url's.", checkOrigins),
}

func checkRedirects(v any) error {
	if len(v.([]string)) > 200 {
		return errors.New("name 200 addresses at most")
	}
	for _, address := range v.([]string) {
		scheme, rest, ok := strings.Cut(address, ":")
		if !ok || rest == "" || scheme == "" || len(address) > 500 || strings.ContainsAny(address, " \t\r\n\"<>\\`") {
			return fmt.Errorf("%q is not an address: write it with its scheme, as https://app.example.com/** or myapp://callback", address)
		}
		switch strings.ToLower(scheme) {
		case "javascript", "data", "vbscript", "blob", "file", "about":
			return fmt.Errorf("%q: addresses of the scheme %s are refused", address, scheme)
		}
		if strings.ContainsAny(scheme, "*?") {
			return fmt.Errorf("%q: write the scheme without wildcards", address)
		}
	}
	return nil
}

var testOTP = regexp.MustCompile(`^[1-9][0-9]{6,14}=[0-9]{6,10}$`)

func checkTestOTPs(v any) error {
	if len(v.([]string)) > 100 {
		return errors.New("name 100 numbers at most")
	}
	for _, pair := range v.([]string) {
		if !testOTP.MatchString(pair) {
			return fmt.Errorf("%q is not a number and its code: write 15551234567=123456, without +", pair)
		}
	}
	return nil
}

func checkOrigins(v any) error {
	for _, origin := range v.([]string) {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "android") || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("%q is not an origin: write https://app.example.com", origin)
		}
	}
	return nil
}

var hostForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

func checkHost(v any) error {
	if host := v.(string); host != "" && (len(host) > 253 || !hostForm.MatchString(host)) {
		return fmt.Errorf("%q is not a host name in lower case", host)
	}
	return nil
}

func checkPath(v any) error {
	if p := v.(string); !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || len(p) > 500 || strings.ContainsAny(p, "\\ \r\n\t") {
		return errors.New("must be a path that begins with one /")
	}
	return nil
}

// checkShort takes one line.
func checkShort(v any) error {
	if s := v.(string); len(s) > 4096 || strings.ContainsAny(s, "\r\n\x00") {
		return errors.New("must be one line of up to 4,096 bytes")
	}
	return nil
}
