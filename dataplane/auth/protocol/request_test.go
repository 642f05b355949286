package protocol

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
	got, err := NormalEmail("  Ada.Lovelace+x@Example.COM ")
	require.NoError(t, err)
	require.Equal(t, "ada.lovelace+x@example.com", got)
	for _, bad := range []string{"", "ada", "@example.com", "ada@", "a b@example.com", "ada@exa mple.com", "ada@-x.com", "ada@x..com", "ada@x.com\x00",
		"\u212Aate@x.com", "v\u0130ctim@x.com", "ada@\u212A.com", // whose lower case is another's address
		"ada@x.com\nbcc: b@x.com", `"a"@x.com`, "a@b@c.com", strings.Repeat("a", 65) + "@x.com", "ada@" + strings.Repeat("a.", 130) + "com"} {
		_, err := NormalEmail(bad)
		require.Error(t, err, "%q", bad)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	m := Metadata{"keep": []byte(`{"a":null}`), "drop": []byte("null")}
	require.NoError(t, m.Validate())
	set, remove := m.Split()
	require.JSONEq(t, `{"keep":{"a":null}}`, string(set.Encode()))
	require.Equal(t, []string{"drop"}, remove)
	require.Error(t, Metadata{"x": []byte(`"a\u0000"`)}.Validate())
	require.Error(t, Metadata{"x\x00": []byte(`1`)}.Validate())
	require.Error(t, Metadata{"x": []byte(`"` + strings.Repeat("a", MaxMetadata) + `"`)}.Validate())
	set, remove = Metadata(nil).Split()
	require.Equal(t, "{}", string(set.Encode()))
	require.NotNil(t, remove)
}

func FuzzDecodeSignup(f *testing.F) {
	f.Add(`{"email":"a@b.c","data":{"x":null}}`)
	f.Add(`[]`)
	f.Add("{\"data\":{\"\x00\":\"\\u0000\"}}")
	f.Fuzz(func(t *testing.T, body string) {
		var in struct {
			Email string   `json:"email"`
			Data  Metadata `json:"data"`
		}
		r := httptest.NewRequest(http.MethodPost, "/signup", strings.NewReader(body))
		if Decode(httptest.NewRecorder(), r, &in) != nil || in.Data.Validate() != nil {
			return
		}
		set, _ := in.Data.Split()
		require.True(t, utf8.Valid(set.Encode()))
		if email, err := NormalEmail(in.Email); err == nil {
			again, err := NormalEmail(email)
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
	c := Client(r)
	require.Equal(t, "192.0.2.7", c.Address.String())
	require.LessOrEqual(t, len(c.UserAgent), 500)
	require.True(t, utf8.ValidString(c.UserAgent))
	r.RemoteAddr = "@"
	require.Nil(t, Client(r).Address)
}
