package setting_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/setting"
)

func TestParse(t *testing.T) {
	t.Parallel()
	cases := []struct {
		key, raw string
		want     any
		err      string
	}{
		{"rest.max_rows", "50", int64(50), ""},
		{"rest.max_rows", "0", nil, "rest.max_rows must be from 1 to 1000000"},
		{"rest.max_rows", `"50"`, nil, "rest.max_rows must be a whole number"},
		{"rest.max_rows", "1.5", nil, "rest.max_rows must be a whole number"},
		{"rest.max_rows", "null", nil, "rest.max_rows must be a whole number"},
		{"auth.autoconfirm", "false", false, ""},
		{"auth.autoconfirm", "yes", nil, "auth.autoconfirm must be true or false"},
		{"rest.schemas", `["public","api"]`, []string{"public", "api"}, ""},
		{"rest.schemas", `[]`, nil, "rest.schemas: name at least one schema"},
		{"rest.schemas", `["auth"]`, nil, `rest.schemas: schema "auth" belongs to Fluxbase and cannot be exposed`},
		{"rest.schemas", `["pg_catalog"]`, nil, `rest.schemas: "pg_catalog" is not a schema name: use up to 40 bytes without control characters, not starting with pg_`},
		{"rest.schemas", `["My \"own\" schema"]`, []string{`My "own" schema`}, ""},
		{"rest.schemas", `["a\nb"]`, nil, `is not a schema name`},
		{"rest.schemas", `["` + strings.Repeat("a", 41) + `"]`, nil, `is not a schema name`},
		{"rest.extra_search_path", `[]`, []string{}, ""},
		{"auth.site_url", `"https://app.example.com"`, "https://app.example.com", ""},
		{"auth.site_url", `"javascript:alert(1)"`, nil, "auth.site_url: must be an http or https URL"},
		{"auth.email.template.invite.content", `"<p>\n{{ if }}"`, nil, "auth.email.template.invite.content: is no template: line 2: missing value for if"},
		{"auth.email.template.invite.content", `"{{- template \"x\" }}"`, nil, "cannot use {{- template}}: a template calls and defines no other"},
		{"auth.email.template.invite.subject", `"{{define \"x\"}}{{end}}"`, nil, "cannot use {{define}}"},
		{"auth.email.template.invite.subject", `"{{ .Data.template }} {{/* block */}}"`, "{{ .Data.template }} {{/* block */}}", ""},
		{"no.such", `1`, nil, `there is no setting "no.such"`},
	}
	for _, c := range cases {
		t.Run(c.key+"="+c.raw, func(t *testing.T) {
			t.Parallel()
			got, err := setting.Parse(c.key, c.raw)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestDecodeLeavesOutWhatItCannotRead(t *testing.T) {
	t.Parallel()
	values := setting.Decode(map[string]string{"rest.max_rows": "7", "from.the.future": "1", "auth.manual_linking": "perhaps"})
	require.Equal(t, int64(7), setting.Get[int64](values, "rest.max_rows"))
	require.False(t, setting.Get[bool](values, "auth.manual_linking"), "the default stands")
	require.Len(t, values, 1)
}

func TestEveryDefaultIsValid(t *testing.T) {
	t.Parallel()
	for _, d := range setting.All() {
		raw, err := json.Marshal(d.Default)
		require.NoError(t, err)
		got, err := setting.Parse(d.Key, string(raw))
		require.NoError(t, err, d.Key)
		require.Equal(t, d.Default, got, d.Key)
		require.NotEmpty(t, d.Description, d.Key)
	}
}
