package auth

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestNormalEmail(t *testing.T) {
	t.Parallel()
	got, err := normalEmail("  Ada.Lovelace+x@Example.COM ")
	require.NoError(t, err)
	require.Equal(t, "ada.lovelace+x@example.com", got)
	for _, bad := range []string{"", "ada", "@example.com", "ada@", "a b@example.com", "ada@exa mple.com", "ada@-x.com", "ada@x..com", "ada@x.com\x00",
		"ada@x.com\nbcc: b@x.com", `"a"@x.com`, "a@b@c.com", strings.Repeat("a", 65) + "@x.com", "ada@" + strings.Repeat("a.", 130) + "com"} {
		_, err := normalEmail(bad)
		require.Error(t, err, "%q", bad)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	m := metadata{"keep": []byte(`{"a":null}`), "drop": []byte("null")}
	require.NoError(t, m.validate())
	set, remove := m.split()
	require.JSONEq(t, `{"keep":{"a":null}}`, string(set.encode()))
	require.Equal(t, []string{"drop"}, remove)
	require.Error(t, metadata{"x": []byte(`"a\u0000"`)}.validate())
	require.Error(t, metadata{"x\x00": []byte(`1`)}.validate())
	require.Error(t, metadata{"x": []byte(`"` + strings.Repeat("a", maxMetadata) + `"`)}.validate())
	set, remove = metadata(nil).split()
	require.Equal(t, "{}", string(set.encode()))
	require.NotNil(t, remove)
}

func FuzzDecodeSignup(f *testing.F) {
	f.Add(`{"email":"a@b.c","data":{"x":null}}`)
	f.Add(`[]`)
	f.Add("{\"data\":{\"\x00\":\"\\u0000\"}}")
	f.Fuzz(func(t *testing.T, body string) {
		var in struct {
			Email string   `json:"email"`
			Data  metadata `json:"data"`
		}
		r := httptest.NewRequest(http.MethodPost, "/signup", strings.NewReader(body))
		if decode(httptest.NewRecorder(), r, &in) != nil || in.Data.validate() != nil {
			return
		}
		set, _ := in.Data.split()
		require.True(t, utf8.Valid(set.encode()))
		if email, err := normalEmail(in.Email); err == nil {
			again, err := normalEmail(email)
			require.NoError(t, err)
			require.Equal(t, email, again)
		}
	})
}

func TestClientRemembersNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/token", nil)
	r.RemoteAddr = "[::ffff:192.0.2.7]:1234"
	r.Header.Set("User-Agent", strings.Repeat("ä", 400)+"\xff")
	c := client(r)
	require.Equal(t, "192.0.2.7", c.Address.String())
	require.LessOrEqual(t, len(c.UserAgent), 500)
	require.True(t, utf8.ValidString(c.UserAgent))
	r.RemoteAddr = "@"
	require.Nil(t, client(r).Address)
}
