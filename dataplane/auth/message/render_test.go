package message_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

const projectURL = "https://abcdefghijklmnopqrst.example.test"

// content renders a template for a mail's HTML.
func content(t *testing.T, template string, data map[string]any) (html, text string, err error) {
	t.Helper()
	m := confirmation
	m.Data = data
	_, html, text, err = message.Render(setting.Values{"auth.email.template.confirmation.content": template}, projectURL, m)
	return html, text, err
}

func TestEveryTemplateRenders(t *testing.T) {
	t.Parallel()
	m := message.Email{
		To: "ada@example.test", Token: "123456", TokenHash: "h4sh", Kind: "signup", NewEmail: "new@example.test", OldEmail: "ada@example.test",
		Phone: "15551234567", Provider: "github", FactorType: "totp",
	}
	for _, list := range [][]struct{ Name, Use, Subject, Content string }{setting.EmailTemplates, setting.EmailNotices} {
		for _, template := range list {
			m.Template = template.Name
			subject, html, text, err := message.Render(setting.Values{}, projectURL+"/", m)
			require.NoError(t, err, template.Name)
			require.Equal(t, template.Subject, subject)
			require.NotContains(t, html, "{{")
			require.NotContains(t, html, "no value", template.Name)
			require.NotContains(t, text, "<", template.Name)
			if strings.Contains(template.Content, ".ConfirmationURL") {
				require.Contains(t, text, projectURL+"/auth/v1/verify?token=h4sh&type=signup", "one slash, and no redirect that nobody asked for")
				require.NotContains(t, text, "redirect_to")
			}
		}
	}
	_, html, _, err := message.Render(setting.Values{}, projectURL, message.Email{Template: "nothing"})
	require.Empty(t, html)
	require.Equal(t, "TEMPLATE_NOT_FOUND", fault.From(err).Reason)
}

func TestVariables(t *testing.T) {
	t.Parallel()
	html, _, err := content(t, `{{ .Token }}|{{ .TokenHash }}|{{ .SiteURL }}|{{ .Email }}|{{ .Data.name }}|{{ index .Data "n" }}|{{ range .Data.list }}{{ . }},{{ end }}|`+
		`{{ if .Data.vip }}VIP{{ else }}-{{ end }}|{{ .Data.missing }}|{{ .Missing }}|{{ printf "%s-%03d" .Token 7 }}|{{ len .Data.list }}|{{ upper | print }}`[:0]+
		`{{ .Data.name }}|{{ with .Data.deep }}{{ .x }}{{ end }}`, map[string]any{"name": "Ada", "n": 7, "list": []any{"a", "b"}, "deep": map[string]any{"x": "y"}})
	require.NoError(t, err)
	require.Equal(t, "123456|h4sh|http://localhost:3000|ada@example.test|Ada|7|a,b,|Ada|y", html)

	html, _, err = content(t, `{{ if .Data.vip }}VIP{{ else }}-{{ end }}|{{ .Data.missing }}|{{ .Missing }}|{{ printf "%s-%03d" .Token 7 }}|{{ len .Data.list }}`+
		`|{{ $t := .Token }}{{ $t }}|{{ eq .Token "123456" }}`,
		map[string]any{"list": []any{"a", "b"}})
	require.NoError(t, err)
	require.Equal(t, "-|||123456-007|2|123456|true", html)

	html, _, err = content(t, `{{ .Data.n }} {{ .Data.big }} {{ .Data.f }} {{ .Data.b }}`, map[string]any{"n": 12345678, "big": json.Number("12345678901234567890123"), "f": 0.5, "b": true})
	require.NoError(t, err)
	require.Equal(t, "12345678 12345678901234567890123 0.5 true", html, "numbers as they were written")

	html, _, err = content(t, `<a href="{{ .SiteURL }}/confirm?token_hash={{ .TokenHash }}&next={{ .RedirectTo }}">x</a>`, nil)
	require.NoError(t, err)
	require.Equal(t, `<a href="http://localhost:3000/confirm?token_hash=h4sh&next=https%3a%2f%2fapp.example.test%2fwelcome%3fa%3d1%26b%3d2">x</a>`, html)
}

func TestWhatUsersWriteIsEscaped(t *testing.T) {
	t.Parallel()
	evil := `"><img src=x onerror=alert(1)><script>alert(2)</script>{{ .Token }}`
	html, text, err := content(t, `<p title="{{ .Data.name }}">Hello {{ .Data.name }}</p><a href="{{ .Data.link }}">x</a><a href={{ .Data.name }}>y</a><style>p{color:{{ .Data.name }}}</style>`,
		map[string]any{"name": evil, "link": "javascript:alert(3)"})
	require.NoError(t, err)
	require.NotContains(t, html, "<img")
	require.NotContains(t, html, "<script")
	require.NotContains(t, html, "javascript:")
	require.NotContains(t, html, "123456", "a user's text is no template")
	require.Contains(t, text, "Hello "+evil, "plain text shows it as it is")

	html, _, err = content(t, `{{ html .Data.name }}|{{ .Data.name | print }}`, map[string]any{"name": "<b>"})
	require.NoError(t, err)
	require.NotContains(t, html, "<b>")
}

func TestHostileTemplatesAreStopped(t *testing.T) {
	t.Parallel()
	grow := `{{ $x := printf "%0999d" 1 }}`
	for range 40 {
		grow += `{{ $x = printf "%s%s" $x $x }}`
	}
	chain, many := `{{ template "t0" }}`, ""
	for i := range 40 {
		chain += fmt.Sprintf(`{{ define "t%d" }}{{ range $.Data.list }}{{ template "t%d" $ }}{{ end }}{{ range 9 }}{{ template "t%d" }}{{ end }}{{ end }}`, i, (i+1)%40, (i+2)%40)
	}
	for i := range 60 {
		many += fmt.Sprintf(`{{ define "t%d" }}{{ end }}`, i)
	}
	for name, c := range map[string]struct{ template, words string }{
		"a loop without end":              {`{{ range 9223372036854775807 }}{{ end }}`, "runs for too long"},
		"much to do in a loop":            {`{{ range 9999 }}` + strings.Repeat(`{{ if eq $.Data.big $.Token }}{{ end }}`, 1000) + `{{ end }}`, "runs for too long"},
		"a loop that only assigns":        {`{{ range 9223372036854775807 }}{{ $x := 1 }}{{ end }}`, "runs for too long"},
		"a loop by another name":          {`{{ $n := 9223372036854775807 }}{{ range $i := $n }}{{ end }}`, "runs for too long"},
		"a loop in a condition":           {`{{ if true }}{{ with 1 }}{{ range 9223372036854775807 }}{{ end }}{{ end }}{{ end }}`, "runs for too long"},
		"a loop in another's else":        {`{{ range .Data.none }}{{ else }}{{ range 9223372036854775807 }}{{ end }}{{ end }}`, "runs for too long"},
		"a loop with continue":            {`{{ range 9223372036854775807 }}{{ continue }}{{ end }}`, "runs for too long"},
		"loops within loops":              {strings.Repeat(`{{ range $.Data.list }}`, 5) + strings.Repeat(`{{ end }}`, 5), "runs for too long"},
		"loops too deep":                  {strings.Repeat(`{{ range $.Data.none }}`, 30) + strings.Repeat(`{{ end }}`, 30), "loops within loops"},
		"loops too deep, with conditions": {strings.Repeat(`{{ if true }}{{ range .Data.none }}{{ else }}{{ range .Data.none }}`, 15) + strings.Repeat(`{{ end }}{{ end }}{{ end }}`, 15), "loops within loops"},
		"loops too deep, by calls":        {chain, "templates within"},
		"too many templates":              {many, "templates within"},
		"a template that calls self":      {`{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}`, "templates within"},
		"a template by itself":            {`{{ template "mail" . }}`, "templates within"},
		"one in a loop":                   {`{{ range .Data.list }}{{ template "mail" $ }}{{ end }}`, "templates within"},
		"a loop in a defined one":         {`{{ define "a" }}{{ range 9223372036854775807 }}{{ end }}{{ end }}{{ template "a" }}`, "templates within"},
		"a width of a million":            {`{{ printf "%1000000d" 1 }}`, "writes too much"},
		"a width from an argument":        {`{{ printf "%*d" 1000000 1 }}`, "writes too much"},
		"an argument many times":          {`{{ printf "` + strings.Repeat("%[1]s", 400) + `" .Data.big }}`, "writes too much"},
		"text that doubles":               {grow, "writes too much"},
		"much text":                       {`{{ range 9999 }}` + strings.Repeat("x", 1000) + `{{ end }}`, "writes too much"},
		"escapes upon escapes":            {`{{ $x := .Data.big }}{{ range 30 }}{{ $x = js $x }}{{ end }}`, "writes too much"},
		"url escapes upon escapes":        {`{{ $x := .Data.big }}{{ range 30 }}{{ $x = urlquery $x $x }}{{ end }}`, "writes too much"},
		"a method of a value":             {`{{ .Data.name.Error }}`, "cannot be rendered"},
		"a call":                          {`{{ call .Data.name }}`, "cannot be rendered"},
		"the longest to escape":           {strings.Repeat(`{{ range $.Data.list }}`, 5) + strings.Repeat(`<a href="{{ . }}">`, 3000) + strings.Repeat(`{{ end }}`, 5), "too"},
		"what is no template":             {`{{ if }}`, "cannot be rendered"},
		"an unknown function":             {`{{ env "HOME" }}`, "cannot be rendered"},
		"half a tag":                      {`<a href="{{ if .Token }}x"{{ end }}>`, "cannot be rendered"},
		"an index out of range":           {`{{ index .Data.list 5000 }}`, "cannot be rendered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			list := make([]any, 50)
			_, _, err := content(t, c.template, map[string]any{"list": list, "name": "Ada", "big": strings.Repeat(`'<&"`, 4000)})
			require.Less(t, time.Since(began), 30*time.Second)
			f := fault.From(err)
			require.Equal(t, "TEMPLATE_INVALID", f.Reason, err)
			require.Contains(t, f.Message, c.words)
			require.NotContains(t, f.Message, "countTurn")
		})
	}
}

func TestPlainText(t *testing.T) {
	t.Parallel()
	for html, text := range map[string]string{
		"<h2>Hello</h2>\n<p>One\n  two.</p><p>Three<br>four</p>":                "Hello\n\nOne two.\n\nThree\nfour",
		`<p>Go <a href="https://x.test/?a=1&amp;b=2">there</a>, now.</p>`:       "Go there https://x.test/?a=1&b=2, now.",
		`<a href="https://x.test">https://x.test</a>`:                           "https://x.test",
		`<a href="mailto:a@b.test">a@b.test</a>`:                                "a@b.test",
		"<ul><li>one</li><li>two</li></ul>":                                     "- one\n- two",
		"<style>p{}</style><script>x</script><title>t</title><p>a&amp;lt;b</p>": "a&lt;b",
		`a<b>b</b>c <i>d</i>e <img alt="A picture" src=x>`:                      "abc de A picture",
		"": "",
		"<p>unclosed <a href='https://x.test'>link": "unclosed link",
	} {
		_, got, err := content(t, html, nil)
		require.NoError(t, err)
		require.Equal(t, text, got, html)
	}
}

func TestPreview(t *testing.T) {
	b := setup(t, map[string]any{"auth.email.template.recovery.subject": "Saved {{ .Email }}"})
	o := b.outbox()
	for _, template := range setting.EmailTemplates {
		made, err := o.Preview(b.project, message.Draft{Template: template.Name})
		require.NoError(t, err, template.Name)
		require.NotContains(t, made.HTML, "no value")
	}
	draft := "<p>{{ .Data.name }} {{ .Token }}</p>"
	made, err := o.Preview(b.project, message.Draft{Template: "recovery", Content: &draft, Data: map[string]any{"name": "<Ada>"}})
	require.NoError(t, err)
	require.Equal(t, message.Preview{Subject: "Saved user@example.com", HTML: "<p>&lt;Ada&gt; 123456</p>", Text: "<Ada> 123456"}, made)

	bad := "{{ if }}"
	_, err = o.Preview(b.project, message.Draft{Template: "recovery", Content: &bad})
	require.Equal(t, "TEMPLATE_INVALID", fault.From(err).Reason)
	long := strings.Repeat("x", 70_000)
	_, err = o.Preview(b.project, message.Draft{Template: "recovery", Content: &long})
	require.Contains(t, fault.From(err).Message, "64 KiB")
	_, err = o.Preview(b.project, message.Draft{Template: "../recovery"})
	require.Equal(t, "TEMPLATE_NOT_FOUND", fault.From(err).Reason)
	require.Empty(t, b.rows.items)
}

func TestSendTest(t *testing.T) {
	b := setup(t, map[string]any{"auth.rate_limit.email_sent": 1})
	o := b.outbox()
	require.NoError(t, o.SendTest(t.Context(), b.session(), message.Draft{Template: "invite"}, "dev@example.test"))
	require.Equal(t, []string{"dev@example.test"}, b.platform.List()[0].To)
	require.Equal(t, "You have been invited", b.platform.List()[0].Subject)
	require.Equal(t, "EMAIL_ADDRESS_INVALID", fault.From(o.SendTest(t.Context(), b.session(), message.Draft{Template: "invite"}, "dev")).Reason)
	s := &mailServer{password: "right"}
	s.listen(t, false)
	b.by(s, map[string]any{"auth.smtp.user": "shop", "auth.smtp.password": "wrong"})
	err := b.outbox().SendTest(t.Context(), b.session(), message.Draft{Template: "invite"}, "dev@example.test")
	require.Equal(t, "EMAIL_SEND_FAILED", fault.From(err).Reason)
	require.Contains(t, fault.From(err).Message, "refused the user or the password")
	b.project.Settings["auth.rate_limit.email_sent"] = int64(0)
	require.Equal(t, "OVER_EMAIL_SEND_RATE_LIMIT", fault.From(b.outbox().SendTest(t.Context(), b.session(), message.Draft{Template: "invite"}, "dev@example.test")).Reason)
}
