package protocol

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A project of many long patterns takes a worker no time worth speaking of.
func TestPatternsAreMatchedSoon(t *testing.T) {
	t.Parallel()
	for _, wild := range []string{"*a", "**a", "****a", "?*"} {
		var patterns []string
		for range 200 {
			patterns = append(patterns, "https://x/"+strings.Repeat(wild, 480/len(wild))+"b")
		}
		address := "https://x/" + strings.Repeat("a", 2000)
		allowed(site, patterns, address) // compiles them
		began := time.Now()
		_, ok := allowed(site, patterns, address)
		require.False(t, ok)
		require.Less(t, time.Since(began), 4*time.Second, wild)
	}
}

// Patterns of random parts match the same addresses as the expressions that say what patterns mean.
func TestPatternsMeanTheirExpressions(t *testing.T) {
	t.Parallel()
	parts := []string{"*", "**", "?", "a", "b", ".", "/", ":", "-", "@", "#", "//", "***", ":80", "https:", "https://", "a.b"}
	random := rand.New(rand.NewPCG(1, 2))
	build := func(prefix string, from []string, most int) string {
		var b strings.Builder
		b.WriteString(prefix)
		for range random.IntN(most) {
			b.WriteString(from[random.IntN(len(from))])
		}
		return b.String()
	}
	matched := 0
	for range 20_000 {
		text := build([]string{"https://", "https:", "http://", "a:"}[random.IntN(4)], parts, 9)
		expression, own := expressionOf(text), compile(text)
		require.Equal(t, expression == nil, own == nil, text)
		if own == nil {
			continue
		}
		for range 20 {
			address := build(text[:strings.IndexAny(text+"*", "*?")], []string{"a", "b", ".", "/", "?", "@", "#", ":", "-", "a.b"}, 7)
			want := expression.MatchString(address)
			require.Equal(t, want, own.matches(address), "%s of %s", text, address)
			if want {
				matched++
			}
		}
	}
	require.Greater(t, matched, 10_000)
	long := "https://" + strings.Repeat("a", 400) + ".example/**"
	require.True(t, compile(long).matches(strings.TrimSuffix(long, "**")+"x/y"))
	require.Nil(t, compile(strings.Repeat("a", maxPattern)+":b"))
	for n := 1; n < 400; n++ {
		text := "https://a.example/" + strings.Repeat("x", n)
		require.True(t, compile(text).matches(text))
		require.True(t, compile(text).matches(text+"/"))
		require.False(t, compile(text).matches(text+"//"))
		require.True(t, compile("a:"+strings.Repeat("?", n)).matches("a:"+strings.Repeat("x", n)))
		require.True(t, compile("https://"+strings.Repeat("a", n)+"-**").matches("https://"+strings.Repeat("a", n)+"-x/y"))
	}
}

// expressionOf is a pattern as an expression.
func expressionOf(pattern string) *regexp.Regexp {
	scheme, rest, ok := strings.Cut(pattern, ":")
	if !ok || scheme == "" || len(pattern) > maxPattern {
		return nil
	}
	scheme = strings.ToLower(scheme)
	var b strings.Builder
	b.WriteString("^" + regexp.QuoteMeta(scheme+":"))
	rest, hasHost := strings.CutPrefix(rest, "//")
	if hasHost {
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		host := rest[:end]
		rest = rest[end:]
		b.WriteString("//")
		if open, ok := strings.CutSuffix(host, "**"); ok && rest == "" {
			writeWildcard(&b, withoutDefaultPort(scheme, strings.ToLower(open)), `[^/?#@]*`, `[^./?#@]*`, `[^./?#@]`)
			if open == "" || strings.ContainsAny(open[len(open)-1:], ".:-*") {
				b.WriteString(`[^/?#@]*`)
			}
			b.WriteString(`([/?].*)?`)
		} else {
			writeWildcard(&b, withoutDefaultPort(scheme, strings.ToLower(host)), `[^/?#@]*`, `[^./?#@]*`, `[^./?#@]`)
		}
	}
	writeWildcard(&b, strings.TrimSuffix(rest, "/"), `.*`, `[^./]*`, `[^./]`)
	b.WriteString("/?$")
	matches, err := regexp.Compile(b.String())
	if err != nil { // too large
		return nil
	}
	return matches
}

func writeWildcard(b *strings.Builder, pattern, many, some, one string) {
	for i := 0; i < len(pattern); i++ {
		switch {
		case strings.HasPrefix(pattern[i:], "**"):
			b.WriteString(many)
			i++
		case pattern[i] == '*':
			b.WriteString(some)
		case pattern[i] == '?':
			b.WriteString(one)
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
}
