package sign_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/token"
)

var now = time.Unix(1_800_000_000, 0)

var (
	badToken = fault.New(fault.Invalid, "INVALID_JWT", "")
	badURL   = fault.New(fault.Invalid, "INVALID_SIGNATURE", "")
)

// project has a key of an algorithm that signs, or the legacy secret only.
func project(t testing.TB, algorithm string) *directory.Project {
	t.Helper()
	p := &directory.Project{ID: "0190-" + t.Name(), Ref: "abcdefghijklmnopqrst", LegacyJWTSecret: []byte("the legacy secret of " + t.Name())}
	if algorithm != "" {
		rotate(t, p, "k1", algorithm)
	}
	return p
}

func rotate(t testing.TB, p *directory.Project, id, algorithm string) {
	t.Helper()
	key, err := token.Generate(id, algorithm)
	require.NoError(t, err)
	p.SigningKeys, p.SigningKey = append(p.SigningKeys, key), key
	p.Verifier = token.NewVerifier(p.SigningKeys, p.LegacyJWTSecret)
}

func grant() sign.Grant {
	return sign.Grant{Use: sign.Download, Bucket: "photos", Name: "a/b c.png", Expires: now.Add(time.Minute)}
}

func made(t testing.TB, p *directory.Project, g sign.Grant) string {
	t.Helper()
	text, err := sign.Token(p, g, now)
	require.NoError(t, err)
	return text
}

func TestTokensOpenWithEveryKeyOfTheProject(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{token.ES256, token.RS256, token.EdDSA, token.HS256, ""} {
		p := project(t, algorithm)
		for _, g := range []sign.Grant{
			grant(),
			{Use: sign.Render, Bucket: "photos", Name: "日本/ü?#%.png", Transform: `{"width":100}`, Expires: now.Add(time.Hour)},
			{Use: sign.Upload, Bucket: "b", Name: "x", Upsert: true, Owner: "7f0b6f0e-0000-4000-8000-000000000000", Expires: now.Add(sign.UploadFor)},
		} {
			got, err := sign.Open(p, made(t, p, g), g.Use, now)
			require.NoError(t, err)
			require.True(t, g.Expires.Equal(got.Expires))
			got.Expires = g.Expires
			require.Equal(t, g, got)
		}
	}
}

func TestTokensEndWithTheirTimeAndTheirKey(t *testing.T) {
	t.Parallel()
	p := project(t, token.ES256)
	text := made(t, p, grant())
	_, err := sign.Open(p, text, sign.Download, now.Add(59*time.Second))
	require.NoError(t, err)
	_, err = sign.Open(p, text, sign.Download, now.Add(time.Minute))
	require.ErrorIs(t, err, badToken)
	require.ErrorContains(t, err, "expired")

	former := p.SigningKeys[0]
	rotate(t, p, "k2", token.ES256)
	_, err = sign.Open(p, text, sign.Download, now)
	require.NoError(t, err, "a rotation ends no signed URL")
	p.SigningKeys = p.SigningKeys[1:]
	_, err = sign.Open(p, text, sign.Download, now)
	require.ErrorIs(t, err, badToken, "the revocation of its key does")
	stolen := project(t, "")
	stolen.ID, stolen.SigningKey = p.ID, former
	_, err = sign.Open(p, made(t, stolen, grant()), sign.Download, now)
	require.ErrorIs(t, err, badToken)

	old := project(t, "")
	text = made(t, old, grant())
	old.LegacyJWTSecret = nil
	_, err = sign.Open(old, text, sign.Download, now)
	require.ErrorIs(t, err, badToken, "the legacy secret is a key like others")
	_, err = sign.Token(old, grant(), now)
	require.Error(t, err, "without a key nothing is signed")
}

func TestTokensAreOfOneProjectAndOneUse(t *testing.T) {
	t.Parallel()
	p, other := project(t, token.ES256), project(t, token.ES256) // of one id, so that what is kept of one could be taken for the other's
	text := made(t, p, grant())
	_, err := sign.Open(other, text, sign.Download, now)
	require.ErrorIs(t, err, badToken, "the other has another key")
	other.SigningKeys, other.SigningKey = p.SigningKeys, p.SigningKey
	other.ID = "another"
	_, err = sign.Open(other, text, sign.Download, now)
	require.ErrorIs(t, err, badToken, "even where two projects had the same key")
	other.ID, other.Ref = p.ID, "bbbbbbbbbbbbbbbbbbbb"
	_, err = sign.Open(other, text, sign.Download, now)
	require.ErrorIs(t, err, badToken)
	for _, use := range []sign.Use{sign.Download, sign.Render, sign.Upload} {
		g := grant()
		g.Use = use
		text := made(t, p, g)
		for _, wanted := range []sign.Use{sign.Download, sign.Render, sign.Upload, ""} {
			_, err := sign.Open(p, text, wanted, now)
			if use == wanted {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, badURL, "%s as %s", use, wanted)
			}
		}
	}
}

func TestASignedURLIsNoBearerNorTheReverse(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{token.ES256, token.HS256, ""} {
		p := project(t, algorithm)
		p.Verifier = token.NewVerifier(p.SigningKeys, p.LegacyJWTSecret)
		_, err := p.Verifier.Verify(made(t, p, grant()), now)
		require.Error(t, err)

		body := map[string]any{"url": "photos/a/b c.png", "use": "download", "ref": p.Ref, "exp": now.Add(time.Hour).Unix(), "role": "authenticated"}
		legacy, err := token.SignLegacy(p.LegacyJWTSecret, body)
		require.NoError(t, err)
		bearers := []string{legacy}
		for _, id := range []string{"k1", "storage-url:k1", "storage-url:legacy"} {
			forged, err := token.Key{ID: id, Algorithm: token.HS256, Private: p.LegacyJWTSecret}.Sign(body)
			require.NoError(t, err)
			bearers = append(bearers, forged)
		}
		if algorithm != "" {
			own, err := p.SigningKey.Sign(body)
			require.NoError(t, err)
			bearers = append(bearers, own)
			marked := p.SigningKey
			marked.ID = "storage-url:k1"
			own, err = marked.Sign(body)
			require.NoError(t, err)
			bearers = append(bearers, own)
		}
		for i, text := range bearers {
			_, err = sign.Open(p, text, sign.Download, now)
			require.ErrorIs(t, err, badToken, i)
		}
	}
}

func TestTamperedTokensAreRefused(t *testing.T) {
	t.Parallel()
	p := project(t, token.ES256)
	text := made(t, p, grant())
	parts := strings.Split(text, ".")
	e := base64.RawURLEncoding.EncodeToString
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var body map[string]any
	require.NoError(t, json.Unmarshal(payload, &body))
	for field, to := range map[string]any{"url": "photos/secret.png", "exp": now.Add(time.Hour).Unix(), "use": "upload", "upsert": true, "owner": "me"} {
		changed := map[string]any{}
		for k, v := range body {
			changed[k] = v
		}
		changed[field] = to
		again, err := json.Marshal(changed)
		require.NoError(t, err)
		_, err = sign.Open(p, parts[0]+"."+e(again)+"."+parts[2], sign.Download, now)
		require.ErrorIs(t, err, badToken, field)
	}
	none := e([]byte(`{"alg":"none","typ":"JWT","kid":"storage-url:k1"}`))
	for name, forged := range map[string]string{
		"nothing":               "",
		"no signature":          parts[0] + "." + parts[1] + ".",
		"no algorithm":          none + "." + parts[1] + ".",
		"no algorithm, signed":  none + "." + parts[1] + "." + parts[2],
		"two parts":             parts[0] + "." + parts[1],
		"four parts":            text + "." + parts[2],
		"no base64":             parts[0] + "." + parts[1] + ".***",
		"a key of nobody":       e([]byte(`{"alg":"HS256","typ":"JWT","kid":"storage-url:k9"}`)) + "." + parts[1] + "." + parts[2],
		"without a mark":        e([]byte(`{"alg":"HS256","typ":"JWT","kid":"k1"}`)) + "." + parts[1] + "." + parts[2],
		"the legacy secret's":   e([]byte(`{"alg":"HS256","typ":"JWT","kid":"storage-url:legacy"}`)) + "." + parts[1] + "." + parts[2],
		"a signature of zeroes": parts[0] + "." + parts[1] + "." + e(make([]byte, 32)),
		"very long":             strings.Repeat("a", 20<<10) + "." + parts[1] + "." + parts[2],
		"newlines":              parts[0] + "\n." + parts[1] + "." + parts[2],
	} {
		_, err := sign.Open(p, forged, sign.Download, now)
		require.ErrorIs(t, err, badToken, name)
	}
}

func TestAddressesAreOfOneFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, address string }{
		{"a/b c.png", "/object/sign/my bucket/a/b c.png?token=T"},
		{"日本/ü.png", "/object/sign/my bucket/日本/ü.png?token=T"},
		{"50%.png", "/object/sign/my bucket/50%25.png?token=T"},
		{"a?b#c.png", "/object/sign/my bucket/a%3Fb%23c.png?token=T"},
	} {
		g := sign.Grant{Use: sign.Download, Bucket: "my bucket", Name: c.name}
		require.Equal(t, c.address, g.Address("T"))
		// A client may send it as it is, or escape it first, as storage-js does with encodeURI.
		path := strings.TrimPrefix(strings.TrimSuffix(c.address, "?token=T"), "/object/sign/")
		once, err := url.PathUnescape(path)
		require.NoError(t, err)
		require.NoError(t, g.Names("my bucket", strings.TrimPrefix(once, "my bucket/")))
		require.NoError(t, g.Names("my bucket", strings.TrimPrefix(path, "my bucket/")))
		for _, other := range []string{"", "a/b", "a/b c.png/", "../my bucket/" + c.name, c.name + "x", "./" + c.name} {
			require.ErrorIs(t, g.Names("my bucket", other), badURL, other)
		}
		require.ErrorIs(t, g.Names("mybucket", c.name), badURL)
	}
	require.Equal(t, "/render/image/sign/b/a b?token=T", sign.Grant{Use: sign.Render, Bucket: "b", Name: "a b"}.Address("T"))
	require.Equal(t, "/object/upload/sign/b/a%20b%3F%23%25?token=T", sign.Grant{Use: sign.Upload, Bucket: "b", Name: "a b?#%"}.Address("T"))
}

func FuzzOpen(f *testing.F) {
	p := project(f, token.HS256)
	f.Add(made(f, p, grant()))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		if g, err := sign.Open(p, text, sign.Download, now); err == nil {
			require.Equal(t, "photos", g.Bucket)
			require.Equal(t, "a/b c.png", g.Name)
		}
	})
}

func BenchmarkToken(b *testing.B) {
	for _, algorithm := range []string{token.ES256, token.RS256, token.HS256} {
		b.Run(algorithm, func(b *testing.B) {
			p := project(b, algorithm)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sign.Token(p, grant(), now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
