package password

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

type noClient struct{}

func (noClient) Do(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }

func TestRules(t *testing.T) {
	t.Parallel()
	r := NewRules(noClient{})
	for name, c := range map[string]struct{ least, characters, password, reasons string }{
		"characters are counted, not bytes":  {"8", "none", "pässwörd", ""},
		"too short":                          {"8", "none", "pässwör", "length"},
		"letters and digits":                 {"6", "letters_digits", "abcde1", ""},
		"letters alone":                      {"6", "letters_digits", "abcdef", "characters"},
		"digits alone, and too few":          {"6", "letters_digits", "123", "length,characters"},
		"no upper case":                      {"6", "lower_upper_letters_digits", "abcde1", "characters"},
		"both cases":                         {"6", "lower_upper_letters_digits", "aBcde1", ""},
		"no symbol":                          {"6", "lower_upper_letters_digits_symbols", "aBcde1", "characters"},
		"a symbol, which may be a backslash": {"6", "lower_upper_letters_digits_symbols", `aBcd1\`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &directory.Project{Settings: setting.Decode(map[string]string{"auth.password_min_length": c.least,
				"auth.password_required_characters": `"` + c.characters + `"`})}
			err := r.Check(t.Context(), p, c.password)
			weak := r.Weak(t.Context(), p, c.password)
			if c.reasons == "" {
				require.NoError(t, err)
				require.Nil(t, weak)
				return
			}
			f := fault.From(err)
			require.Equal(t, "WEAK_PASSWORD", f.Reason)
			require.Equal(t, c.reasons, f.Fields["password"])
			require.Equal(t, c.reasons, strings.Join(weak.Reasons, ","))
			require.Equal(t, f.Message, weak.Message)
		})
	}
	p := &directory.Project{}
	require.Equal(t, "VALIDATION_FAILED", fault.From(r.Check(t.Context(), p, "")).Reason)
	require.Equal(t, "VALIDATION_FAILED", fault.From(r.Check(t.Context(), p, strings.Repeat("é", 37))).Reason)
	require.NoError(t, r.Check(t.Context(), p, strings.Repeat("é", 36)))
}

func TestBreachedPasswords(t *testing.T) {
	t.Parallel()
	sum := sha1.Sum([]byte("correct horse"))
	hash := strings.ToUpper(hex.EncodeToString(sum[:]))
	padded := sha1.Sum([]byte("battery staple"))
	hidden := strings.ToUpper(hex.EncodeToString(padded[:]))
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		assert.Equal(t, "true", r.Header.Get("Add-Padding"))
		switch strings.TrimPrefix(r.URL.Path, "/range/") {
		case hash[:5]:
			_, _ = w.Write([]byte("0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n" + hash[5:] + ":3\r\n"))
		case hidden[:5]:
			_, _ = w.Write([]byte(hidden[5:] + ":0\r\n"))
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	project := func(closed string) *directory.Project {
		return &directory.Project{Settings: setting.Decode(map[string]string{"auth.password_breached_check": "true",
			"auth.password_breached_url": `"` + server.URL + `/range/"`, "auth.password_breached_fail_closed": closed})}
	}
	r := NewRules(server.Client())
	f := fault.From(r.Check(t.Context(), project("false"), "correct horse"))
	require.Equal(t, "WEAK_PASSWORD", f.Reason)
	require.Equal(t, "pwned", f.Fields["password"])
	require.Equal(t, []string{"pwned"}, r.Weak(t.Context(), project("true"), "correct horse").Reasons)
	require.EqualValues(t, 1, asked.Load(), "the range is kept")
	require.NoError(t, r.Check(t.Context(), project("true"), "battery staple"), "padding is no password")
	require.NoError(t, r.Check(t.Context(), project("false"), "something else"), "it fails open")
	before := asked.Load()
	require.Equal(t, "PASSWORD_CHECK_UNAVAILABLE", fault.From(r.Check(t.Context(), project("true"), "something else")).Reason)
	require.Nil(t, r.Weak(t.Context(), project("true"), "something else"))
	require.Equal(t, before, asked.Load(), "a server that failed is left alone for a while")
	require.Equal(t, "WEAK_PASSWORD", fault.From(r.Check(t.Context(), project("true"), "correct horse")).Reason, "what is known of it is known still")
}
