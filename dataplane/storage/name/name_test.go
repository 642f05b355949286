package name_test

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func TestObjectsOfAnyScript(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"a", "a/b/c.txt", "Größe/äöü.png", "資料/写真 1.jpg", "данные/файл", "ملف/صورة.png", "😀/👩‍👩‍👧.gif", "a b", "100%/50%25", "q?x=1#y", "...", "a..b", ".hidden",
		"_/-/!*'()&$@=;:+,", `quote"<>|`, strings.Repeat("x", name.MaxObject), "e\u0301", ".emptyFolderPlaceholder", "~", "C:/x",
	} {
		require.NoError(t, name.Object(s), "%q", s)
	}
}

var refused = map[string]string{
	"nothing":                    "",
	"a slash":                    "/",
	"a slash at the start":       "/a",
	"a slash at the end":         "a/",
	"two slashes":                "a//b",
	"up":                         "..",
	"up at the start":            "../a",
	"up within":                  "a/../b",
	"up at the end":              "a/..",
	"here":                       "a/./b",
	"a backslash":                `a\b`,
	"up by backslashes":          `..\..\a`,
	"NUL":                        "a\x00b",
	"a line break":               "a\nb",
	"a carriage return":          "a\r\nX: y",
	"a tab":                      "a\tb",
	"DEL":                        "a\x7f",
	"a control character of C1":  "a\u0085b",
	"a line separator":           "a\u2028b",
	"a right-to-left override":   "a\u202egpj.exe",
	"an isolate":                 "a\u2066b",
	"a byte order mark":          "\ufeffa",
	"a replacement character":    "a\ufffd",
	"no UTF-8":                   "a\xffb",
	"an overlong slash of UTF-8": "a\xc0\xafb",
	"too long":                   strings.Repeat("x", name.MaxObject+1),
	"too long in bytes":          strings.Repeat("ä", name.MaxObject/2+1),
}

func TestObjectsRefused(t *testing.T) {
	t.Parallel()
	for why, s := range refused {
		err := name.Object(s)
		require.ErrorIs(t, err, &fault.Error{Kind: fault.Invalid, Reason: "INVALID_KEY"}, why)
		require.True(t, utf8.ValidString(err.Error()), why)
		require.Less(t, len(err.Error()), 300, why)
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a", "a/", "a/b", "a/b/", "資料/写", "a/.", "a/.."} {
		require.NoError(t, name.Prefix(s), "%q", s)
	}
	for _, s := range []string{"/", "/a", "a//", "a//b", "../", "a/../b", "./", `a\`, "a\x00", "\xff", strings.Repeat("x", name.MaxObject+1)} {
		require.Error(t, name.Prefix(s), "%q", s)
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "avatars", "My Bucket", "a.b-c_d", "x!*'()&$@=;:+,?", strings.Repeat("b", name.MaxBucket)} {
		require.NoError(t, name.Bucket(s), "%q", s)
	}
	for _, s := range []string{"", ".", "..", "a/b", `a\b`, " a", "a ", "a\x00", "a\nb", "größe", "a#b", "a%b", "<a>", strings.Repeat("b", name.MaxBucket+1)} {
		require.ErrorIs(t, name.Bucket(s), &fault.Error{Kind: fault.Invalid, Reason: "INVALID_BUCKET_NAME"}, "%q", s)
	}
}

func FuzzObject(f *testing.F) {
	for _, s := range refused {
		f.Add(s)
	}
	f.Add("a/b/c")
	f.Fuzz(func(t *testing.T, s string) {
		if name.Object(s) != nil {
			return
		}
		require.Equal(t, s, path.Clean(s), "a name that is taken is what it seems")
		require.False(t, path.IsAbs(s))
		require.False(t, strings.HasPrefix(s, ".."+"/"))
		require.True(t, utf8.ValidString(s))
		require.NoError(t, name.Prefix(s), "and can be listed by")
	})
}
