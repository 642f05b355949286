package web3

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/sha3"
)

// chain is a kind of wallet.
type chain struct {
	title string
	// read parses a message and checks that its address signed it.
	read func(text, signature string) (*message, error)
}

var chains = map[string]chain{
	"ethereum": {"Ethereum", readEthereum},
	"solana":   {"Solana", readSolana},
}

var errSignature = refused("Signature does not match address in message")

var (
	ethereumAddress = regexp.MustCompile(`^0x[0-9a-fA-F]{40}$`)
	ethereumChain   = regexp.MustCompile(`^[1-9][0-9]{0,77}$`)
	solanaChain     = regexp.MustCompile(`^(solana:)?(mainnet|testnet|devnet|localnet)$`)
)

const ethereumSignatureSize = 65

func readEthereum(text, signature string) (*message, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(signature, "0x"))
	if err != nil || len(raw) != ethereumSignatureSize {
		return nil, invalid("signature must be 65 bytes long, encoded as a 130 character-long hexadecimal string")
	}
	m, err := parse(text, "Ethereum")
	if err != nil {
		return nil, err
	}
	switch {
	case !ethereumAddress.MatchString(m.address):
		return nil, invalid("message has no valid Ethereum address on its second line")
	case mixed(m.address[2:]) && m.address != checksummed(strings.ToLower(m.address)):
		return nil, invalid("the address's checksum (EIP-55) does not match")
	case !ethereumChain.MatchString(m.chainID):
		return nil, invalid("Chain ID must be a number")
	}
	m.address = strings.ToLower(m.address)
	if signer(text, raw) != m.address {
		return nil, errSignature
	}
	return m, nil
}

// signer is the address whose key signed a message as wallets do (ERC-191), or "".
func signer(text string, signature []byte) string {
	recovery := signature[64]
	if recovery >= 27 {
		recovery -= 27
	}
	var s secp256k1.ModNScalar
	if recovery > 1 || s.SetByteSlice(signature[32:64]) || s.IsOverHalfOrder() { // one signature has one form
		return ""
	}
	const uncompressed = 27
	compact := append([]byte{uncompressed + recovery}, signature[:64]...)
	hash := keccak([]byte("\x19Ethereum Signed Message:\n" + strconv.Itoa(len(text)) + text))
	key, _, err := ecdsa.RecoverCompact(compact, hash)
	if err != nil {
		return ""
	}
	return "0x" + hex.EncodeToString(keccak(key.SerializeUncompressed()[1:])[12:])
}

func keccak(data []byte) []byte {
	h := sha3.NewLegacyKeccak256()
	_, _ = h.Write(data) // never fails
	return h.Sum(nil)
}

func mixed(digits string) bool {
	return digits != strings.ToLower(digits) && digits != strings.ToUpper(digits)
}

// checksummed writes an address in lower case as EIP-55 does.
func checksummed(address string) string {
	digits := []byte(address[2:])
	hash := hex.EncodeToString(keccak(digits))
	for i, c := range digits {
		if c >= 'a' && hash[i] >= '8' {
			digits[i] = c - 'a' + 'A'
		}
	}
	return "0x" + string(digits)
}

func readSolana(text, signature string) (*message, error) {
	if len(signature) != 86 && len(signature) != 88 {
		return nil, invalid("signature must be 64 bytes encoded as base64 with or without padding")
	}
	plain := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(signature, "="))
	raw, err := base64.RawURLEncoding.Strict().DecodeString(plain)
	if err != nil || len(raw) != ed25519.SignatureSize {
		return nil, invalid("signature does not contain valid base64 characters")
	}
	m, err := parse(text, "Solana")
	if err != nil {
		return nil, err
	}
	key := base58(m.address)
	switch {
	case len(key) != ed25519.PublicKeySize:
		return nil, invalid("message has no valid Solana address on its second line")
	case m.chainID != "" && !solanaChain.MatchString(m.chainID):
		return nil, invalid("Chain ID is not one of Solana's")
	case !ed25519.Verify(key, []byte(text), raw):
		return nil, errSignature
	}
	return m, nil
}

const base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58 decodes a Solana address, or returns nil. Each address has one form.
func base58(text string) []byte {
	if len(text) < 32 || len(text) > 44 {
		return nil
	}
	n, zeros, leading := new(big.Int), 0, true
	for i := range len(text) {
		digit := strings.IndexByte(base58Digits, text[i])
		if digit < 0 {
			return nil
		}
		if leading = leading && digit == 0; leading {
			zeros++
		}
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(digit)))
	}
	return append(make([]byte, zeros), n.Bytes()...)
}
