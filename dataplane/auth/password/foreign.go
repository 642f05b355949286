package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
)

// What an imported hash may cost to check. More would let one project's users keep a worker busy, or out of memory.
const (
	maxBcryptCost  = 14
	maxMemory      = 64 << 20
	maxMemoryTimes = 256 << 20 // memory gone through, in all passes
	maxPart        = 128       // bytes of salts and keys
)

var (
	errForm = errors.New("is of no form that is known: use bcrypt, argon2i, argon2id, fbscrypt or scrypt")
	errCost = errors.New("costs more to check than is allowed")
)

// CheckHash refuses password hashes, made elsewhere, that could not be checked at sign-in.
func CheckHash(hash string) error {
	if _, err := parse(hash); err != nil {
		return protocol.ErrValidation("The password hash %s", err.Error())
	}
	return nil
}

// parse reads a hash and returns what tells whether a password is its own.
func parse(hash string) (func(password []byte) bool, error) {
	switch {
	case len(hash) > 255:
		return nil, errForm
	case strings.HasPrefix(hash, "$2"):
		cost, err := bcrypt.Cost([]byte(hash))
		if err != nil || len(hash) != 60 {
			return nil, errForm
		}
		if cost > maxBcryptCost {
			return nil, errCost
		}
		return func(password []byte) bool {
			// It would refuse at once what is too long; the rest is as much work as ever.
			err := bcrypt.CompareHashAndPassword([]byte(hash), password[:min(len(password), maxPassword)])
			return err == nil && len(password) <= maxPassword
		}, nil
	case strings.HasPrefix(hash, "$argon2"):
		return parseArgon2(hash)
	case strings.HasPrefix(hash, "$fbscrypt$"):
		return parseFirebase(hash)
	case strings.HasPrefix(hash, "$scrypt$"):
		return parseScrypt(hash)
	}
	return nil, errForm
}

// parseArgon2 reads $argon2id$v=19$m=…,t=…,p=…$salt$key, and the same of argon2i.
func parseArgon2(hash string) (func([]byte) bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[2] != "v=19" || (parts[1] != "argon2id" && parts[1] != "argon2i") {
		return nil, errForm
	}
	numbers, _, err := options(parts[3], "m", "t", "p")
	if err != nil {
		return nil, err
	}
	m, t, p := numbers["m"], numbers["t"], numbers["p"]
	salt, key := decode(parts[4]), decode(parts[5])
	if salt == nil || len(key) < 4 || m < 1 || t < 1 || p < 1 {
		return nil, errForm
	}
	const least = 8 // KiB for each thread, whatever m says
	if taken := max(m, least*p); taken > maxMemory>>10 || taken*t > maxMemoryTimes>>10 || p > 16 {
		return nil, errCost
	}
	return func(password []byte) bool {
		derive := argon2.IDKey
		if parts[1] == "argon2i" {
			derive = argon2.Key
		}
		made := derive(password, salt, uint32(t), uint32(m), uint8(p), uint32(len(key))) // bounded above
		return subtle.ConstantTimeCompare(made, key) == 1
	}, nil
}

// parseFirebase reads $fbscrypt$v=1,n=…,r=…,p=…,ss=…,sk=…$salt$key: scrypt of Firebase's own, which encrypts the signer key by what it derives.
func parseFirebase(hash string) (func([]byte) bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 5 {
		return nil, errForm
	}
	numbers, texts, err := options(parts[2], "v", "n", "r", "p")
	if err != nil || numbers["v"] != 1 {
		return nil, errForm
	}
	salt, key, signer := decode(parts[3]), decode(parts[4]), decode(texts["sk"])
	separator := decode(texts["ss"])
	if salt == nil || key == nil || signer == nil || len(signer) != len(key) {
		return nil, errForm
	}
	derive, err := scryptOf(numbers["n"], numbers["r"], numbers["p"], append(append([]byte{}, salt...), separator...), 32)
	if err != nil {
		return nil, err
	}
	return func(password []byte) bool {
		block, err := aes.NewCipher(derive(password))
		if err != nil {
			return false
		}
		made := make([]byte, len(signer))
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(made, signer)
		return subtle.ConstantTimeCompare(made, key) == 1
	}, nil
}

// parseScrypt reads $scrypt$ln=…,r=…,p=…$salt$key.
func parseScrypt(hash string) (func([]byte) bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 5 {
		return nil, errForm
	}
	numbers, _, err := options(parts[2], "ln", "r", "p")
	if err != nil {
		return nil, err
	}
	salt, key := decode(parts[3]), decode(parts[4])
	if salt == nil || len(key) < 16 {
		return nil, errForm
	}
	derive, err := scryptOf(numbers["ln"], numbers["r"], numbers["p"], salt, len(key))
	if err != nil {
		return nil, err
	}
	return func(password []byte) bool { return subtle.ConstantTimeCompare(derive(password), key) == 1 }, nil
}

func scryptOf(logN, r, p int, salt []byte, size int) (func([]byte) []byte, error) {
	if logN < 1 || r < 1 || p < 1 {
		return nil, errForm
	}
	if logN > 20 || r > 64 || p > 16 || 128*r<<logN > maxMemory || 128*r*p<<logN > maxMemoryTimes {
		return nil, errCost
	}
	return func(password []byte) []byte {
		key, err := scrypt.Key(password, salt, 1<<logN, r, p, size)
		if err != nil { // of parameters that were checked above
			return nil
		}
		return key
	}, nil
}

// options reads "a=1,b=2": the numbers that are named, all of which must be there, and other texts.
func options(list string, names ...string) (map[string]int, map[string]string, error) {
	numbers, texts := map[string]int{}, map[string]string{}
	for option := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(option, "=")
		texts[name] = value
	}
	for _, name := range names {
		n, err := strconv.ParseUint(texts[name], 10, 31)
		if err != nil {
			return nil, nil, errForm
		}
		numbers[name] = int(n)
	}
	return numbers, texts, nil
}

// decode reads base64, padded or not; nil when it is none, empty or too long.
func decode(text string) []byte {
	out, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(out) == 0 || len(out) > maxPart {
		return nil
	}
	return out
}
