package controlplane

import (
	"encoding/json"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/config"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// settingsOf reads a project's settings by key.
func settingsOf(t *testing.T, all []*v1.Setting) map[string]*v1.Setting {
	t.Helper()
	out := map[string]*v1.Setting{}
	for _, s := range all {
		out[s.GetKey()] = s
	}
	require.Len(t, out, len(setting.All()))
	return out
}

// forWorkers are the settings of the snapshot that a worker gets.
func (b *bundle) forWorkers(t *testing.T, ref string) setting.Values {
	t.Helper()
	directory := directoryv1connect.NewDirectoryServiceClient(browser, b.url, connect.WithInterceptors(bearerOf("service-token-of-a-test")))
	res, err := directory.Resolve(t.Context(), &directoryv1.ResolveRequest{Name: &directoryv1.ResolveRequest_Ref{Ref: ref}})
	require.NoError(t, err)
	return setting.Decode(res.GetSnapshot().GetSettings())
}

func TestSecretSettingsAreSealedAndNeverTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	const first, second, captcha = "s3cret-of-the-mail-server", "s3cret-another", "s3cret-of-the-captcha"
	update := func(values map[string]string) map[string]*v1.Setting {
		t.Helper()
		res, err := ada.projects.UpdateSettings(t.Context(), &v1.UpdateSettingsRequest{Ref: ref, Values: values})
		require.NoError(t, err)
		require.NotContains(t, res.String(), "s3cret")
		return settingsOf(t, res.GetSettings())
	}
	got := update(map[string]string{"auth.smtp.password": `"` + first + `"`, "auth.captcha.secret": `"` + captcha + `"`, "auth.smtp.user": `"ada"`})
	require.True(t, got["auth.smtp.password"].GetSet())
	require.Equal(t, `""`, got["auth.smtp.password"].GetValue())
	require.Equal(t, "secret", got["auth.smtp.password"].GetType())
	require.False(t, got["auth.sms.vonage.api_secret"].GetSet())
	require.True(t, got["auth.smtp.user"].GetSet())
	require.Equal(t, `"ada"`, got["auth.smtp.user"].GetValue())

	whole := func() string {
		text := ""
		require.NoError(t, b.pool.QueryRow(t.Context(), "select p::text || encode(p.settings_sealed, 'escape') from project p where ref = $1", ref).Scan(&text))
		return text
	}
	require.NotContains(t, whole(), "s3cret")
	require.Zero(t, b.count("select count(*) from audit_event where details::text like '%s3cret%'"))
	require.Zero(t, b.count("select count(*) from river_job where args::text like '%s3cret%'"))
	require.Equal(t, 1, b.count("select count(*) from audit_event where action = 'project.settings' and details->'keys' ? 'auth.smtp.password'"))
	values := b.forWorkers(t, ref)
	require.Equal(t, first, setting.Get[string](values, "auth.smtp.password"))
	require.Equal(t, captcha, setting.Get[string](values, "auth.captcha.secret"))

	for _, role := range []string{"viewer", "developer", "owner"} {
		res, err := b.join("acme", role).projects.GetSettings(t.Context(), &v1.GetSettingsRequest{Ref: ref})
		require.NoError(t, err)
		require.NotContains(t, res.String(), "s3cret", role)
		require.True(t, settingsOf(t, res.GetSettings())["auth.captcha.secret"].GetSet())
	}

	// One is replaced, the others stay; what is not given is not touched.
	update(map[string]string{"auth.smtp.password": `"` + second + `"`})
	require.Equal(t, second, setting.Get[string](b.forWorkers(t, ref), "auth.smtp.password"))
	require.Equal(t, captcha, setting.Get[string](b.forWorkers(t, ref), "auth.captcha.secret"))
	for _, clear := range []string{`""`, ``} {
		update(map[string]string{"auth.smtp.password": `"` + first + `"`})
		require.False(t, update(map[string]string{"auth.smtp.password": clear})["auth.smtp.password"].GetSet())
		require.Empty(t, setting.Get[string](b.forWorkers(t, ref), "auth.smtp.password"))
	}
	update(map[string]string{"auth.captcha.secret": `""`})
	require.Equal(t, 1, b.count("select count(*) from project where ref = $1 and settings_sealed = ''", ref))

	// A wrong value is not told back.
	_, err := ada.projects.UpdateSettings(t.Context(), &v1.UpdateSettingsRequest{Ref: ref, Values: map[string]string{"auth.smtp.password": `"s3cret\nline"`}})
	refused(t, err, connect.CodeInvalidArgument, "SETTING_INVALID")
	require.NotContains(t, err.Error(), "s3cret")
	// Another project's sealed secrets do not open here.
	other := b.project(ada, "acme").GetRef()
	update(map[string]string{"auth.captcha.secret": `"` + captcha + `"`})
	_, err = b.pool.Exec(t.Context(), "update project set settings_sealed = (select settings_sealed from project where ref = $1) where ref = $2", ref, other)
	require.NoError(t, err)
	_, err = ada.projects.GetSettings(t.Context(), &v1.GetSettingsRequest{Ref: other})
	refused(t, err, connect.CodeInternal, "INTERNAL")
}

func TestSettingsAreDescribedForForms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	res, err := ada.projects.GetSettings(t.Context(), &v1.GetSettingsRequest{Ref: ref})
	require.NoError(t, err)
	got := settingsOf(t, res.GetSettings())
	require.Equal(t, []string{"hcaptcha", "turnstile"}, got["auth.captcha.provider"].GetOneOf())
	require.EqualValues(t, 6, got["auth.email.otp_length"].GetMin())
	require.EqualValues(t, 10, got["auth.email.otp_length"].GetMax())
	require.Equal(t, "text", got["auth.email.template.invite.content"].GetType())
	require.Contains(t, got["auth.email.template.invite.content"].GetDefaultValue(), "<h2>", "markup is readable")
	for _, s := range got {
		require.False(t, s.GetSet(), s.GetKey())
		require.Equal(t, s.GetDefaultValue(), s.GetValue(), s.GetKey())
	}

	// Text that JSON can hold and Postgres cannot is refused or made plain, and never fails inside.
	key := "auth.email.template.invite.content"
	_, err = ada.projects.UpdateSettings(t.Context(), &v1.UpdateSettingsRequest{Ref: ref, Values: map[string]string{key: `"a\u0000b"`}})
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "SETTING_INVALID")["values["+key+"]"], "U+0000")
	changed, err := ada.projects.UpdateSettings(t.Context(), &v1.UpdateSettingsRequest{Ref: ref, Values: map[string]string{key: `"<p>\ud800</p>"`}})
	require.NoError(t, err)
	require.Equal(t, `"<p>�</p>"`, settingsOf(t, changed.GetSettings())[key].GetValue())
}

// signing is a secret that can sign.
const signing = `"v1,whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`

var settingsTogether = []struct {
	name   string
	stands map[string]string
	change map[string]string
	// wrong is the key at fault and words of the message; none means that the change is made.
	wrong, words string
}{
	{"google lacks its id", nil, map[string]string{"auth.external.google.enabled": "true", "auth.external.google.secret": `"s"`}, "auth.external.google.client_id", "sign-in with Google"},
	{"google lacks its secret", nil, map[string]string{"auth.external.google.enabled": "true", "auth.external.google.client_id": `["i"]`}, "auth.external.google.secret", "sign-in with Google"},
	{"google has both", nil, map[string]string{"auth.external.google.enabled": "true", "auth.external.google.client_id": `["i"]`, "auth.external.google.secret": `"s"`}, "", ""},
	{"google loses its secret", map[string]string{"auth.external.google.enabled": "true", "auth.external.google.client_id": `["i"]`, "auth.external.google.secret": `"s"`}, map[string]string{"auth.external.google.secret": `""`}, "auth.external.google.secret", "sign-in with Google"},
	{"keycloak lacks its server", nil, map[string]string{"auth.external.keycloak.enabled": "true", "auth.external.keycloak.client_id": `["i"]`, "auth.external.keycloak.secret": `"s"`}, "auth.external.keycloak.url", "Keycloak"},
	{"a provider without encryption", nil, map[string]string{"auth.external.gitlab.url": `"http://gitlab.example.com"`}, "auth.external.gitlab.url", "use https"},
	{"a provider on this machine", nil, map[string]string{"auth.external.gitlab.url": `"http://127.0.0.1:9000"`}, "", ""},
	{"captcha lacks its secret", nil, map[string]string{"auth.captcha.enabled": "true"}, "auth.captcha.secret", "auth.captcha.enabled needs"},
	{"captcha's secret is kept", map[string]string{"auth.captcha.secret": `"s"`}, map[string]string{"auth.captcha.enabled": "true"}, "", ""},
	{"a mail server without sender", nil, map[string]string{"auth.smtp.host": `"mail.example.com"`}, "auth.smtp.sender_address", "mail through auth.smtp.host"},
	{"a mail server without password", nil, map[string]string{"auth.smtp.host": `"mail.example.com"`, "auth.smtp.sender_address": `"a@example.com"`, "auth.smtp.user": `"a"`}, "auth.smtp.password", "auth.smtp.user"},
	{"a mail server that asks for nobody", nil, map[string]string{"auth.smtp.host": `"mail.example.com"`, "auth.smtp.sender_address": `"a@example.com"`}, "", ""},
	{"twilio lacks its token", nil, map[string]string{"auth.sms.provider": `"twilio"`, "auth.sms.twilio.account_sid": `"s"`, "auth.sms.twilio.message_service_sid": `"m"`}, "auth.sms.twilio.auth_token", "auth.sms.provider twilio needs"},
	{"twilio verify lacks all", nil, map[string]string{"auth.sms.provider": `"twilio_verify"`}, "auth.sms.twilio.account_sid", "twilio_verify"},
	{"vonage lacks its sender", nil, map[string]string{"auth.sms.provider": `"vonage"`, "auth.sms.vonage.api_key": `"k"`, "auth.sms.vonage.api_secret": `"s"`}, "auth.sms.vonage.from", "vonage"},
	{"messagebird has all", nil, map[string]string{"auth.sms.provider": `"messagebird"`, "auth.sms.messagebird.access_key": `"k"`, "auth.sms.messagebird.originator": `"o"`}, "", ""},
	{"http lacks its secret", nil, map[string]string{"auth.sms.provider": `"http"`, "auth.sms.http.url": `"https://sms.example.com"`}, "auth.sms.http.secret", "http"},
	{"http without encryption", nil, map[string]string{"auth.sms.http.url": `"http://sms.example.com"`}, "auth.sms.http.url", "use https"},
	{"http with a secret that signs nothing", nil, map[string]string{"auth.sms.http.secret": `"hunter2"`}, "auth.sms.http.secret", "v1,whsec_"},
	{"a webhook of files without encryption", nil, map[string]string{"storage.webhook_url": `"http://app.example.com/files"`}, "storage.webhook_url", "use https"},
	{"a webhook of files with a secret that signs nothing", nil, map[string]string{"storage.webhook_secret": `"hunter2"`}, "storage.webhook_secret", "v1,whsec_"},
	{"a webhook of files on this machine", nil, map[string]string{"storage.webhook_url": `"http://localhost:9000/files"`, "storage.webhook_secret": `"v1,whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"`}, "", ""},
	{"purges of a cache without encryption", nil, map[string]string{"storage.cdn_purge_url": `"http://purge.example.com"`}, "storage.cdn_purge_url", "use https"},
	{"purges of a cache with a secret that is too short", nil, map[string]string{"storage.cdn_purge_secret": `"v1,whsec_YWJj"`}, "storage.cdn_purge_secret", "24 to 64"},
	{"phone that nothing serves", nil, map[string]string{"auth.phone.enabled": "true"}, "auth.phone.enabled", "nothing would send"},
	{"phone confirmed unseen", nil, map[string]string{"auth.phone.enabled": "true", "auth.phone.autoconfirm": "true"}, "", ""},
	{"phone for reviewers", nil, map[string]string{"auth.phone.enabled": "true", "auth.phone.test_otps": `["15551234567=123456"]`}, "", ""},
	{"phone by a hook", nil, map[string]string{"auth.phone.enabled": "true", "auth.hook.send_sms.enabled": "true", "auth.hook.send_sms.uri": `"pg-functions://postgres/public/send_sms"`}, "", ""},
	{"phone loses its provider", map[string]string{"auth.phone.enabled": "true", "auth.sms.provider": `"messagebird"`, "auth.sms.messagebird.access_key": `"k"`, "auth.sms.messagebird.originator": `"o"`}, map[string]string{"auth.sms.provider": ""}, "auth.phone.enabled", "nothing would send"},
	{"phone as second factor that nothing serves", nil, map[string]string{"auth.mfa.phone.enroll_enabled": "true", "auth.mfa.phone.verify_enabled": "true"}, "auth.mfa.phone.enroll_enabled", "nothing would send"},
	{"a hook without address", nil, map[string]string{"auth.hook.send_email.enabled": "true"}, "auth.hook.send_email.uri", "needs"},
	{"a web hook without secrets", nil, map[string]string{"auth.hook.send_email.enabled": "true", "auth.hook.send_email.uri": `"https://hook.example.com"`}, "auth.hook.send_email.secrets", "web address"},
	{"a web hook", nil, map[string]string{"auth.hook.send_email.enabled": "true", "auth.hook.send_email.uri": `"https://hook.example.com"`, "auth.hook.send_email.secrets": signing}, "", ""},
	{"a web hook without encryption", nil, map[string]string{"auth.hook.send_email.uri": `"http://hook.example.com"`}, "auth.hook.send_email.uri", "use https"},
	{"a web hook on this machine", nil, map[string]string{"auth.hook.send_email.uri": `"http://localhost:54321/hook"`}, "", ""},
	{"a web hook at a name that only begins like this machine's", nil, map[string]string{"auth.hook.send_email.uri": `"http://localhost.example.com/hook"`}, "auth.hook.send_email.uri", "use https"},
	{"a secret that is too short to sign", nil, map[string]string{"auth.hook.send_email.secrets": `"v1,whsec_QUFB"`}, "auth.hook.send_email.secrets", "24 to 64"},
	{"a factor that could never be added", nil, map[string]string{"auth.mfa.totp.verify_enabled": "false"}, "auth.mfa.totp.verify_enabled", "auth.mfa.totp.enroll_enabled off"},
	{"relying party elsewhere", map[string]string{"auth.site_url": `"https://app.example.com"`}, map[string]string{"auth.webauthn.rp_id": `"example.org"`}, "auth.webauthn.rp_id", "neither the host"},
	{"relying party above the app", map[string]string{"auth.site_url": `"https://app.example.com"`}, map[string]string{"auth.webauthn.rp_id": `"example.com"`}, "", ""},
	{"relying party below the app", map[string]string{"auth.site_url": `"https://example.com"`}, map[string]string{"auth.webauthn.rp_id": `"app.example.com"`}, "auth.webauthn.rp_id", "neither the host"},
	{"relying party that ends alike", map[string]string{"auth.site_url": `"https://badexample.com"`}, map[string]string{"auth.webauthn.rp_id": `"example.com"`}, "auth.webauthn.rp_id", "neither the host"},
	{"relying party of everybody", map[string]string{"auth.site_url": `"https://app.co.uk"`}, map[string]string{"auth.webauthn.rp_id": `"co.uk"`}, "auth.webauthn.rp_id", "somebody can own"},
	{"relying party of the origins", nil, map[string]string{"auth.webauthn.rp_id": `"example.com"`, "auth.webauthn.rp_origins": `["https://a.example.com","https://example.com"]`}, "", ""},
	{"relying party of one of two origins", nil, map[string]string{"auth.webauthn.rp_id": `"example.com"`, "auth.webauthn.rp_origins": `["https://example.com","https://example.org"]`}, "auth.webauthn.rp_id", "https://example.org"},
	{"passkeys at an address", map[string]string{"auth.site_url": `"https://192.0.2.7"`}, map[string]string{"auth.passkey.enabled": "true"}, "auth.webauthn.rp_id", "belong to a domain"},
	{"passkeys without encryption", map[string]string{"auth.site_url": `"http://app.example.com"`}, map[string]string{"auth.passkey.enabled": "true"}, "auth.site_url", "https addresses"},
	{"passkeys on this machine", nil, map[string]string{"auth.passkey.enabled": "true"}, "", ""},
	{"the site moves away from its passkeys", map[string]string{"auth.site_url": `"https://app.example.com"`, "auth.webauthn.rp_id": `"example.com"`}, map[string]string{"auth.site_url": `"https://app.example.org"`}, "auth.webauthn.rp_id", "neither the host"},
	{"a password follows to another mail server", map[string]string{"auth.smtp.host": `"mail.example.com"`, "auth.smtp.sender_address": `"a@example.com"`, "auth.smtp.password": `"p"`}, map[string]string{"auth.smtp.host": `"mail.attacker.example"`}, "auth.smtp.password", "give it again"},
	{"a password is given with the mail server", map[string]string{"auth.smtp.host": `"mail.example.com"`, "auth.smtp.sender_address": `"a@example.com"`, "auth.smtp.password": `"p"`}, map[string]string{"auth.smtp.host": `"mail.example.org"`, "auth.smtp.password": `"q"`}, "", ""},
	{"a client secret follows to another server", map[string]string{"auth.external.keycloak.secret": `"p"`, "auth.external.keycloak.url": `"https://id.example.com"`}, map[string]string{"auth.external.keycloak.url": `"https://id.attacker.example"`}, "auth.external.keycloak.secret", "give it again"},
}

func TestSettingsThatCannotWorkTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	_, err := b.pool.Exec(t.Context(), "update plan set max_projects = 1000 where name = 'free'")
	require.NoError(t, err)
	for _, row := range settingsTogether {
		t.Run(row.name, func(t *testing.T) {
			ref := b.project(ada, "acme").GetRef()
			update := func(values map[string]string) error {
				return second(ada.projects.UpdateSettings(t.Context(), &v1.UpdateSettingsRequest{Ref: ref, Values: values}))
			}
			if row.stands != nil {
				require.NoError(t, update(row.stands))
			}
			before := b.forWorkers(t, ref)
			err := update(row.change)
			if row.wrong == "" {
				require.NoError(t, err)
				return
			}
			require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "SETTING_INVALID")["values["+row.wrong+"]"], row.words)
			require.Equal(t, before, b.forWorkers(t, ref), "nothing was changed")
		})
	}
}

func TestWhatCouldNotWorkBeforeDoesNotBlockOtherChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	_, err := b.pool.Exec(t.Context(), `update project set settings = '{"auth.phone.enabled": true}' where ref = $1`, ref)
	require.NoError(t, err)
	update := func(values map[string]string) error {
		return second(ada.projects.UpdateSettings(t.Context(), &v1.UpdateSettingsRequest{Ref: ref, Values: values}))
	}
	require.NoError(t, update(map[string]string{"rest.max_rows": "5"}))
	refused(t, update(map[string]string{"auth.phone.enabled": "true"}), connect.CodeInvalidArgument, "SETTING_INVALID")
	require.NoError(t, update(map[string]string{"auth.phone.enabled": "false"}))
}

func TestWhoseAddressesCountAsConfirmed(t *testing.T) {
	t.Parallel()
	stored := func(b *bundle, ref string) string {
		var settings map[string]json.RawMessage
		require.NoError(b.t, b.pool.QueryRow(b.t.Context(), "select settings from project where ref = $1", ref).Scan(&settings))
		return string(settings["auth.autoconfirm"])
	}
	rows := map[string]struct {
		adjust            func(*config.Config)
		platform, project string
		appoints          bool
	}{
		"a developer's machine believes":           {func(c *config.Config) { c.Dev = true; c.SMTP.Host = "" }, "true", "true", true},
		"with a mail server nothing is believed":   {func(*config.Config) {}, "", "", true},
		"without one the platform alone believes":  {func(c *config.Config) { c.SMTP.Host = "" }, "true", "", false},
		"a developer's machine with a mail server": {func(c *config.Config) { c.Dev = true }, "true", "true", true},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, row.adjust, func(c *config.Config) { c.Operators = []string{"boss@example.com"} })
			require.Equal(t, row.platform, stored(b, "platform"))
			require.Equal(t, row.project, stored(b, b.project(b.organization("acme"), "acme").GetRef()))
			b.signIn("boss@example.com")
			appointed := b.count("select count(*) from account where operator and email = 'boss@example.com'")
			require.Equal(t, row.appoints, appointed == 1)
		})
	}

	t.Run("who claimed an address before there was mail is not appointed after", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *config.Config) { c.SMTP.Host, c.Operators = "", []string{"boss@example.com"} })
		b.server.projects.Mails = true // as a next start, with a mail server
		b.server.cfg.SMTP.Host = "mail.example.com"
		require.NoError(t, b.server.prepare(t.Context()))
		require.Equal(t, "false", stored(b, "platform"))
		b.signIn("boss@example.com")
		require.Zero(t, b.count("select count(*) from account where operator"))
		require.NoError(t, b.server.prepare(t.Context()))
		require.Zero(t, b.count("select count(*) from account where operator"))
	})
}

func TestSettingsOfAPurgedProjectAreGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	p := b.project(ada, "acme")
	require.NoError(t, second(ada.projects.UpdateSettings(t.Context(), &v1.UpdateSettingsRequest{Ref: p.GetRef(), Values: map[string]string{"auth.captcha.secret": `"s"`}})))
	row, err := store.New(b.pool).GetProjectByRef(t.Context(), p.GetRef())
	require.NoError(t, err)
	require.NotEmpty(t, row.Project.SettingsSealed)
	require.NoError(t, store.New(b.pool).PurgeProjectRow(t.Context(), row.Project.ID))
	row, err = store.New(b.pool).GetProjectByRef(t.Context(), p.GetRef())
	require.NoError(t, err)
	require.Empty(t, row.Project.SettingsSealed)
	require.JSONEq(t, "{}", string(row.Project.Settings))
}
