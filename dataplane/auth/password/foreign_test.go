package password

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

const (
	ofFirebase = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==" +
		"$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
	ofArgon2i  = "$argon2i$v=19$m=16,t=2,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g"
	ofArgon2id = "$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk"
	// Of RFC 7914: password "pleaseletmein", salt "SodiumChloride", N 16384.
	ofScrypt = "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw"
)

func TestHashesOfOtherMakesAreChecked(t *testing.T) {
	t.Parallel()
	dear, err := bcrypt.GenerateFromPassword([]byte("test"), 11)
	require.NoError(t, err)
	h := NewHasher(1)
	for hash, password := range map[string]string{ofFirebase: "user1password", ofArgon2i: "test", ofArgon2id: "test", ofScrypt: "pleaseletmein",
		string(dear): "test", "$2y$" + string(dear)[4:]: "test"} {
		require.NoError(t, CheckHash(hash))
		require.True(t, Stale(hash), hash)
		right, err := h.Matches(t.Context(), "a", hash, "", password)
		require.NoError(t, err)
		require.True(t, right, hash)
		for _, wrong := range []string{"", password + "x", strings.ToUpper(password)} {
			right, err = h.Matches(t.Context(), "a", hash, "", wrong)
			require.NoError(t, err)
			require.False(t, right, "%s %q", hash, wrong)
		}
	}
	own, err := h.Hash(t.Context(), "a", "test")
	require.NoError(t, err)
	require.False(t, Stale(own))
}

func TestHashesThatCostTooMuchOrAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	own, err := bcrypt.GenerateFromPassword([]byte("test"), 4)
	require.NoError(t, err)
	for _, hash := range []string{
		"", "plain", "$1$salt$hash", "$2a$10$short", "$2a$31$" + string(own)[7:], "$2a$15$" + string(own)[7:],
		strings.Replace(ofArgon2id, "m=32", "m=4194304", 1), strings.Replace(ofArgon2id, "t=3", "t=2000000000", 1),
		strings.Replace(ofArgon2id, "m=32,t=3,p=2", "m=1,t=262144,p=16", 1), // which takes 128 KiB all the same
		strings.Replace(ofArgon2id, "p=2", "p=255", 1), strings.Replace(ofArgon2id, "m=32", "m=0", 1), strings.Replace(ofArgon2id, "t=3", "t=0", 1),
		strings.Replace(ofArgon2id, "p=2", "p=0", 1), strings.Replace(ofArgon2id, "m=32", "m=-1", 1), strings.Replace(ofArgon2id, "v=19", "v=16", 1),
		strings.Replace(ofArgon2id, "argon2id", "argon2d", 1), "$argon2id$v=19$m=32,t=3,p=2$$", "$argon2id$v=19$m=32,t=3,p=2$***$***",
		strings.Replace(ofFirebase, "n=14", "n=30", 1), strings.Replace(ofFirebase, "n=14", "n=2147483647", 1), strings.Replace(ofFirebase, "r=8", "r=2147483647", 1),
		strings.Replace(ofFirebase, "p=1", "p=100000", 1), strings.Replace(ofFirebase, "v=1", "v=2", 1), strings.Replace(ofFirebase, "n=14", "n=0", 1),
		strings.Replace(ofFirebase, "sk=jxspr8Ki0RYycVU8", "sk=", 1), strings.Replace(ofScrypt, "ln=14", "ln=40", 1), strings.Replace(ofScrypt, "r=8", "r=0", 1),
		"$scrypt$", "$fbscrypt$", "$argon2", "$2", strings.Repeat("$2a", 100),
	} {
		require.Error(t, CheckHash(hash), hash)
	}
}

func FuzzParseHash(f *testing.F) {
	for _, hash := range []string{ofFirebase, ofArgon2i, ofArgon2id, ofScrypt} {
		f.Add(hash)
	}
	f.Fuzz(func(t *testing.T, hash string) {
		fits, err := parse(hash)
		require.Equal(t, err == nil, fits != nil)
	})
}
