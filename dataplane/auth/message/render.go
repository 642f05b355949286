package message

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Render makes a mail of its template, as the project words it. An empty template of the project is the one that is built in. The error is a
// fault with words for the project's developers.
func Render(values setting.Values, projectURL string, m Email) (subject, html, text string, err error) {
	base, ok := templateKey(m.Template)
	if !ok {
		return "", "", "", errNoTemplate(m.Template)
	}
	return renderAs(setting.Get[string](values, base+".subject"), setting.Get[string](values, base+".content"), variables(values, projectURL, m))
}

func renderAs(subjectTemplate, contentTemplate string, data map[string]any) (subject, html, text string, err error) {
	if subject, err = runText(subjectTemplate, data); err != nil {
		return "", "", "", errTemplate("subject", err)
	}
	if html, err = runHTML(contentTemplate, data); err != nil {
		return "", "", "", errTemplate("content", err)
	}
	return oneLine(subject), html, plainText(html), nil
}

// templateKey is where the settings of a template begin.
func templateKey(name string) (string, bool) {
	for _, t := range setting.EmailTemplates {
		if t.Name == name {
			return "auth.email.template." + name, true
		}
	}
	return "auth.email.notice." + name, isNotice(name)
}

func errNoTemplate(name string) error {
	return fault.New(fault.NotFound, "TEMPLATE_NOT_FOUND", "There is no mail template %q.", name)
}

func errTemplate(part string, err error) error {
	said := err.Error()
	for _, known := range []error{errTooLarge, errTooLong, errTooDeep, errCalls} {
		if errors.Is(err, known) {
			said = known.Error()
		}
	}
	return fault.Wrap(err, fault.Invalid, "TEMPLATE_INVALID", "The %s of the mail template cannot be rendered: %s.", part,
		strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(said, "html/"), "template: "), tickName, "range"))
}

// variables are what a template sees: strings, and the user's metadata.
func variables(values setting.Values, projectURL string, m Email) map[string]any {
	site := setting.Get[string](values, "auth.site_url")
	data, _ := plain(m.Data).(map[string]any)
	if data == nil {
		data = map[string]any{}
	}
	return map[string]any{
		"ConfirmationURL": confirmationURL(projectURL, m), "Token": m.Token, "TokenHash": m.TokenHash, "SiteURL": site, "Email": emailOf(m),
		"NewEmail": m.NewEmail, "OldEmail": m.OldEmail, "Phone": m.Phone, "RedirectTo": m.RedirectTo, "Data": data, "Provider": m.Provider,
		"FactorType": m.FactorType, "SendingTo": m.To,
	}
}

// emailOf is the user's address: while it is being changed, the old one, and afterwards the new one.
func emailOf(m Email) string {
	var user struct {
		Email string `json:"email"`
	}
	_ = json.Unmarshal(m.User, &user)
	switch {
	case user.Email != "":
		return user.Email
	case m.Template == "email_changed":
		return cmp.Or(m.NewEmail, m.To)
	case m.NewEmail != "":
		return cmp.Or(m.OldEmail, m.To)
	}
	return m.To
}

// confirmationURL is where the link in a mail leads: to the project itself, which leads on.
func confirmationURL(projectURL string, m Email) string {
	if m.TokenHash == "" {
		return ""
	}
	query := "token=" + url.QueryEscape(m.TokenHash) + "&type=" + url.QueryEscape(m.Kind)
	if m.RedirectTo != "" {
		query += "&redirect_to=" + url.QueryEscape(m.RedirectTo)
	}
	return strings.TrimSuffix(projectURL, "/") + "/auth/v1/verify?" + query
}

// plain makes of a value what JSON knows, without methods that a template could call. Numbers are written as they were.
func plain(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var out any
	if decoder.Decode(&out) != nil {
		return nil
	}
	return withoutMethods(out)
}

func withoutMethods(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		return v.String()
	case map[string]any:
		for key, value := range v {
			v[key] = withoutMethods(value)
		}
	case []any:
		for i, value := range v {
			v[i] = withoutMethods(value)
		}
	}
	return v
}

// oneLine makes a header's text: no line breaks or control characters, and not too long.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\u2028' || r == '\u2029' }), " ")
	if runes := []rune(s); len(runes) > 250 {
		s = string(runes[:250]) + "…"
	}
	return s
}

// renderSMS makes the text of a message with a code.
func renderSMS(values setting.Values, m SMS) (string, error) {
	key := m.Template
	if key == "" {
		key = "auth.sms.template"
	}
	if d, ok := setting.Lookup(key); !ok || d.Type != setting.String {
		return "", fmt.Errorf("there is no template %q", key)
	}
	out, err := runText(setting.Get[string](values, key), map[string]any{"Code": m.Code, "OTP": m.Code, "SiteURL": setting.Get[string](values, "auth.site_url")})
	if err != nil {
		return "", err
	}
	if out = strings.TrimSpace(out); len(out) > 1600 {
		return "", errTooLarge
	}
	return out, nil
}
