package conformance

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Secret is what the cases' tokens are signed with, by HS256.
const Secret = "reallyreallyreallyreallyverysafe"

var tokens = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`)

// rename copies the suite, with other names for roles in its SQL, its cases and the tokens of these.
func rename(t testing.TB, from, to string, renames map[string]string) {
	t.Helper()
	pairs := make([]string, 0, 2*len(renames))
	for old, name := range renames {
		pairs = append(pairs, old, name)
	}
	names := strings.NewReplacer(pairs...)
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	require.NoError(t, filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o755)
		}
		if ext := filepath.Ext(path); ext != ".sql" && ext != ".json" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text = tokens.ReplaceAllFunc(text, func(token []byte) []byte { return resign(token, names) })
		if err := os.Chmod(path, 0o644); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(names.Replace(string(text))), 0o644)
	}))
}

// resign changes the names in a token that is signed with Secret; others it leaves.
func resign(token []byte, names *strings.Replacer) []byte {
	signed, signature, _ := bytes.Cut(token, []byte("."))
	payload, signature, _ := bytes.Cut(signature, []byte("."))
	header := signed
	plain, err := base64.RawURLEncoding.DecodeString(string(payload))
	if err != nil || string(signature) != string(sign(header, payload)) {
		return token
	}
	encoded := []byte(base64.RawURLEncoding.EncodeToString([]byte(names.Replace(string(plain)))))
	return bytes.Join([][]byte{header, encoded, sign(header, encoded)}, []byte("."))
}

func sign(header, payload []byte) []byte {
	mac := hmac.New(sha256.New, []byte(Secret))
	mac.Write(header)
	mac.Write([]byte("."))
	mac.Write(payload)
	return []byte(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}
