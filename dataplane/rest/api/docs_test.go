package api_test

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocs runs the examples of docs/api.md, in their order, and requires what stands below each.
func TestDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/api.md")
	require.NoError(t, err)
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bare(t, shared)
			examples := 0
			for i, block := range strings.Split(string(page), "\n```") {
				kind, text, _ := strings.Cut(block, "\n")
				switch {
				case i%2 == 0:
				case kind == "sql":
					b.owner(t, strings.ReplaceAll(text, "service_role", "{service_role}")+"grant select on products to {service_role}")
				case kind == "console":
					for _, example := range strings.Split("\n"+text, "\n$ ")[1:] {
						examples++
						b.example(t, example)
					}
				}
			}
			require.Greater(t, examples, 15)
		})
	}
}

// example runs one: a curl, over as many lines as its quotes are open, and what it prints.
func (b *bundle) example(t *testing.T, text string) {
	t.Helper()
	words, printed := shellWords(t, text)
	require.Equal(t, "curl", words[0])
	method, target, body, head := "GET", "", "", false
	headers := map[string]string{}
	for i := 1; i < len(words); i++ {
		switch word := words[i]; word {
		case "-X":
			i++
			method = words[i]
		case "-H":
			i++
			name, value, _ := strings.Cut(words[i], ": ")
			headers[name] = value
		case "--json":
			i++
			body = words[i]
			headers["Content-Type"], headers["Accept"] = "application/json", "application/json"
			if method == "GET" {
				method = "POST"
			}
		case "-D-":
			head = true
		default:
			require.Empty(t, target, word)
			target = strings.TrimPrefix(word, "$API")
			require.NotEqual(t, target, word)
		}
	}
	require.Equal(t, "$KEY", headers["apikey"], text)
	delete(headers, "apikey")
	w := b.do("service_role", method, target, body, headers)
	want := strings.TrimSuffix(printed, "\n")
	if head {
		lines, rest, _ := strings.Cut(want, "\n\n")
		requireHead(t, lines, w)
		want = rest
	}
	require.Equal(t, want, strings.TrimSuffix(w.Body.String(), "\n"), text)
}

func requireHead(t *testing.T, lines string, w *httptest.ResponseRecorder) {
	t.Helper()
	for i, line := range strings.Split(lines, "\n") {
		if i == 0 {
			require.Equal(t, "HTTP/1.1 200 OK", line)
			require.Equal(t, 200, w.Code)
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		require.Equal(t, value, w.Header().Get(name))
	}
}

// shellWords splits a command as a shell does, at its end of line outside quotes, and returns what is below.
func shellWords(t *testing.T, text string) (words []string, rest string) {
	t.Helper()
	var word strings.Builder
	open, started := byte(0), false
	for i := range len(text) {
		c := text[i]
		switch {
		case open != 0 && c == open:
			open = 0
		case open == '\'' && strings.HasPrefix(text[i:], "$API"), open == 0 && strings.IndexByte("&;|<>()?*!`", c) >= 0:
			require.Fail(t, "a shell would take it for something else", text)
		case open != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			open, started = c, true
		case c == ' ' || c == '\n':
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
			if c == '\n' {
				return words, text[i+1:]
			}
		default:
			word.WriteByte(c)
			started = true
		}
	}
	return append(words, word.String()), ""
}
