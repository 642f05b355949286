package setting

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"text/template"
)

// EmailTemplates are the mails of auth that a project may reword: the template's name, and when it is sent.
var EmailTemplates = []struct{ Name, Use, Subject, Content string }{
	{"confirmation", "To confirm the address after sign-up.", "Confirm your email address",
		"<h2>Confirm your email address</h2>\n<p>Follow this link to confirm your address:</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Confirm your address</a></p>\n<p>Or enter the code: <strong>{{ .Token }}</strong></p>\n"},
	{"invite", "To invite a person.", "You have been invited",
		"<h2>You have been invited</h2>\n<p>You have been invited to create an account at {{ .SiteURL }}.</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Accept the invitation</a></p>\n"},
	{"recovery", "To set a new password.", "Reset your password",
		"<h2>Reset your password</h2>\n<p>Follow this link to choose a new password:</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Reset password</a></p>\n<p>Or enter the code: <strong>{{ .Token }}</strong></p>\n"},
	{"magic_link", "To sign in by link or code.", "Your sign-in link",
		"<h2>Sign in</h2>\n<p>Follow this link to sign in:</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Sign in</a></p>\n<p>Or enter the code: <strong>{{ .Token }}</strong></p>\n"},
	{"email_change", "To confirm a change of address, at the old and the new one.", "Confirm your new email address",
		"<h2>Confirm the change of your email address</h2>\n<p>Follow this link to change your address from {{ .Email }} to {{ .NewEmail }}:</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Change address</a></p>\n<p>Or enter the code: <strong>{{ .Token }}</strong></p>\n"},
	{"reauthentication", "To prove again who one is.", "Your confirmation code",
		"<h2>Confirm that it is you</h2>\n<p>Enter the code: <strong>{{ .Token }}</strong></p>\n"},
}

// EmailNotices are mails that only tell the user what happened; each can be switched on.
var EmailNotices = []struct{ Name, Use, Subject, Content string }{
	{"password_changed", "After the password was changed.", "Your password was changed",
		"<h2>Your password was changed</h2>\n<p>The password of {{ .Email }} was changed. If it was not you, reset it at once.</p>\n"},
	{"email_changed", "After the address was changed, to the old one.", "Your email address was changed",
		"<h2>Your email address was changed</h2>\n<p>It was changed from {{ .OldEmail }} to {{ .Email }}. If it was not you, write to us.</p>\n"},
	{"phone_changed", "After the phone number was changed.", "Your phone number was changed",
		"<h2>Your phone number was changed</h2>\n<p>The number of {{ .Email }} is now {{ .Phone }}. If it was not you, write to us.</p>\n"},
	{"identity_linked", "After an identity was linked.", "A new sign-in method was added",
		"<h2>A new sign-in method was added</h2>\n<p>{{ .Provider }} was linked to {{ .Email }}. If it was not you, remove it.</p>\n"},
	{"identity_unlinked", "After an identity was unlinked.", "A sign-in method was removed",
		"<h2>A sign-in method was removed</h2>\n<p>{{ .Provider }} was unlinked from {{ .Email }}. If it was not you, write to us.</p>\n"},
	{"mfa_factor_enrolled", "After a second factor was added.", "A second factor was added",
		"<h2>A second factor was added</h2>\n<p>A factor of type {{ .FactorType }} was added to {{ .Email }}. If it was not you, remove it.</p>\n"},
	{"mfa_factor_unenrolled", "After a second factor was removed.", "A second factor was removed",
		"<h2>A second factor was removed</h2>\n<p>A factor of type {{ .FactorType }} was removed from {{ .Email }}. If it was not you, write to us.</p>\n"},
}

// Hooks are what a project's own code is asked at, and what for.
var Hooks = []struct{ Name, Use string }{
	{"custom_access_token", "Asked for the claims of each access token."},
	{"send_email", "Sends mails in place of the mail server."},
	{"send_sms", "Sends text messages in place of the provider."},
	{"mfa_verification_attempt", "Asked after each answer to a second factor, whether it counts."},
	{"password_verification_attempt", "Asked after each check of a password, whether it counts."},
	{"before_user_created", "Asked before a user is made, whether it may be."},
}

// authMessageSettings are those of mail, text messages, templates and hooks.
var authMessageSettings = func() []Definition {
	out := []Definition{
		word("auth.smtp.host", "", "The project's own mail server. Empty for the platform's.", checkHost),
		count("auth.smtp.port", 587, 1, 65535, "Port of the mail server."),
		word("auth.smtp.user", "", "User at the mail server.", checkShort),
		secret("auth.smtp.password", "Password at the mail server."),
		oneOf("auth.smtp.tls", "Encryption: starttls on an open connection, or tls from the start.", "starttls", "tls"),
		word("auth.smtp.sender_address", "", "Address that mails come from. Empty for the platform's.", checkAddress),
		word("auth.smtp.sender_name", "", "Name that mails come from.", checkShort),
		oneOf("auth.sms.provider", "Who sends text messages.", "none", "twilio", "twilio_verify", "vonage", "messagebird", "http"),
		word("auth.sms.template", "Your code is {{ .Code }}", "Text of the message with a code.", checkMessage),
		word("auth.sms.twilio.account_sid", "", "Twilio's account SID.", checkShort),
		secret("auth.sms.twilio.auth_token", "Twilio's auth token."),
		word("auth.sms.twilio.message_service_sid", "", "Twilio's messaging service SID or sender number; for twilio_verify the Verify service's SID.", checkShort),
		word("auth.sms.vonage.api_key", "", "Vonage's API key.", checkShort),
		secret("auth.sms.vonage.api_secret", "Vonage's API secret."),
		word("auth.sms.vonage.from", "", "Sender at Vonage.", checkShort),
		secret("auth.sms.messagebird.access_key", "MessageBird's access key."),
		word("auth.sms.messagebird.originator", "", "Sender at MessageBird.", checkShort),
		word("auth.sms.http.url", "", "Address that is sent {\"to\",\"text\"} by POST for each message, signed as hooks are.", checkOptionalURL),
		secret("auth.sms.http.secret", "Secret of the signature, as v1,whsec_… in base64."),
	}
	for _, t := range EmailTemplates {
		out = append(out,
			word("auth.email.template."+t.Name+".subject", t.Subject, "Subject of the mail. "+t.Use, checkMessage),
			Definition{Key: "auth.email.template." + t.Name + ".content", Type: Text, Default: t.Content, Description: "HTML of the mail. " + t.Use, check: checkTemplate})
	}
	for _, t := range EmailNotices {
		out = append(out,
			flag("auth.email.notice."+t.Name+".enabled", false, "Whether this mail is sent. "+t.Use),
			word("auth.email.notice."+t.Name+".subject", t.Subject, "Subject of the mail. "+t.Use, checkMessage),
			Definition{Key: "auth.email.notice." + t.Name + ".content", Type: Text, Default: t.Content, Description: "HTML of the mail. " + t.Use, check: checkTemplate})
	}
	for _, h := range Hooks {
		out = append(out,
			flag("auth.hook."+h.Name+".enabled", false, h.Use),
			word("auth.hook."+h.Name+".uri", "", "A function, as pg-functions://postgres/schema/function, or an https address.", checkHookURI),
			secret("auth.hook."+h.Name+".secrets", "Secrets that requests are signed with after Standard Webhooks: v1,whsec_… in base64, several between |."))
	}
	return out
}()

// otherTemplate is what calls or defines another template, which is refused when a message is made.
var otherTemplate = regexp.MustCompile(`\{\{(?:- )?\s*(?:template|define|block)\b`)

// checkTemplate takes what Go's templates can read, without what could run for long.
func checkTemplate(v any) error {
	text := v.(string)
	if len(text) > 64<<10 {
		return errors.New("must not be larger than 64 KiB")
	}
	if _, err := template.New("").Parse(text); err != nil {
		return fmt.Errorf("is no template: %s", strings.Replace(err.Error(), "template: :", "line ", 1))
	}
	if found := otherTemplate.FindString(text); found != "" {
		return fmt.Errorf("cannot use %s}}: a template calls and defines no other", found)
	}
	return nil
}

func checkMessage(v any) error {
	if err := checkShort(v); err != nil {
		return err
	}
	return checkTemplate(v)
}

func checkAddress(v any) error {
	if address := v.(string); address != "" {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			return fmt.Errorf("%q is not a mail address", address)
		}
	}
	return nil
}

func checkOptionalURL(v any) error {
	if v.(string) == "" {
		return nil
	}
	return checkURL(v)
}

func checkHookURI(v any) error {
	address := v.(string)
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("must be pg-functions://postgres/schema/function or an https address")
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" || u.User != nil {
			return errors.New("must be an address with a host and without a password")
		}
		return nil
	case "pg-functions":
		if parts := strings.Split(strings.Trim(u.Path, "/"), "/"); len(parts) == 2 && functionName.MatchString(parts[0]+"."+parts[1]) {
			return nil
		}
	}
	return errors.New("must be pg-functions://postgres/schema/function or an https address")
}
