// Package id makes and checks the names of things: project refs, keys and tokens.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
)

// PlatformRef is the ref of the project whose users are the console's accounts. It is the one ref that is not 20
// letters long, so that no customer's project can ever take it.
const PlatformRef = "platform"

// Prefixes of keys and tokens.
const (
	PrefixPublishable = "fbk_pub_"
	PrefixSecret      = "fbk_sec_"
	PrefixAccessToken = "fbt_"
	PrefixInvitation  = "fbi_"
)

// NewRef makes a random project ref: 20 letters from a to z.
func NewRef() string { return random("abcdefghijklmnopqrstuvwxyz", 20) }

// ValidRef reports whether s has the form of a ref.
func ValidRef(s string) bool {
	if len(s) != 20 {
		return s == PlatformRef
	}
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

// NewSecret makes a random key or token: the prefix and 40 characters (238 bits).
func NewSecret(prefix string) string {
	return prefix + random(alphanumeric, 40)
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// ValidKey reports whether s has the form of a project's API key.
func ValidKey(s string) bool {
	random, ok := strings.CutPrefix(s, PrefixPublishable)
	if !ok {
		random, ok = strings.CutPrefix(s, PrefixSecret)
	}
	return ok && len(random) == 40 && strings.Trim(random, alphanumeric) == ""
}

// NewPassword makes a random password of 32 URL-safe characters (192 bits).
func NewPassword() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}

// Hash is how keys and tokens are kept: SHA-256. They are long and random, so no salt is needed.
func Hash(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// Display shortens a secret so that people can tell two apart: the prefix and four characters.
func Display(secret, prefix string) string {
	if len(secret) < len(prefix)+4 {
		return prefix + "…"
	}
	return secret[:len(prefix)+4] + "…"
}

func random(alphabet string, n int) string {
	out := make([]byte, n)
	size := big.NewInt(int64(len(alphabet)))
	for i := range out {
		k, err := rand.Int(rand.Reader, size)
		if err != nil {
			panic(err) // the system has no randomness: nothing may go on
		}
		out[i] = alphabet[k.Int64()]
	}
	return string(out)
}
