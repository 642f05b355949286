// Package webauthntest is an authenticator in software for tests: it signs with ES256, attests nothing, and can be made to lie.
package webauthntest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Authenticator holds one credential, once it has made it.
type Authenticator struct {
	T testing.TB
	// Origin is what the browser says of the page; RPID overrides that of the options.
	Origin, RPID string
	// Unverified leaves out that the user was verified, Absent that anyone was there.
	Unverified, Absent bool
	// Framed says that the page is in another site's frame.
	Framed bool
	// Challenge and Ceremony override what the client says that it answers to.
	Challenge, Ceremony string
	// Counter is what the next answer counts; each adds one. Zero stays, as synced passkeys' do.
	Counter uint32
	// Transports and Attachment are what the client says of it.
	Transports []string
	Attachment string
	// UserHandle overrides that of the options.
	UserHandle []byte

	ID     []byte
	key    *ecdsa.PrivateKey
	handle []byte
}

// New makes an authenticator for pages of an origin.
func New(t testing.TB, origin string) *Authenticator {
	return &Authenticator{T: t, Origin: origin, Counter: 1}
}

// Clone is a copy with the same key and counter.
func (a *Authenticator) Clone() *Authenticator {
	out := *a
	return &out
}

// options are the parts of creation and request options that matter.
type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	PublicKey *options `json:"publicKey"`
}

func (a *Authenticator) read(given any) options {
	a.T.Helper()
	encoded, err := json.Marshal(given)
	require.NoError(a.T, err)
	var out options
	require.NoError(a.T, json.Unmarshal(encoded, &out))
	if out.PublicKey != nil {
		out = *out.PublicKey
	}
	if out.RPID == "" {
		out.RPID = out.RP.ID
	}
	if a.RPID != "" {
		out.RPID = a.RPID
	}
	require.NotEmpty(a.T, out.Challenge)
	return out
}

// Create answers creation options, with or without {"publicKey": …} around them.
func (a *Authenticator) Create(given any) map[string]any {
	a.T.Helper()
	o := a.read(given)
	if a.key == nil {
		var err error
		a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(a.T, err)
	}
	if a.ID == nil {
		a.ID = make([]byte, 32)
		_, _ = rand.Read(a.ID)
	}
	var err error
	a.handle, err = base64.RawURLEncoding.DecodeString(o.User.ID)
	require.NoError(a.T, err)
	public, err := a.key.PublicKey.Bytes()
	require.NoError(a.T, err)
	data := a.data(o.RPID, 0x40)
	data = append(data, make([]byte, 16)...) // AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.ID)))
	data = append(data, a.ID...)
	// COSE: {1: 2, 3: -7, -1: 1, -2: x, -3: y}
	data = append(data, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20)
	data = append(data, public[1:33]...)
	data = append(data, 0x22, 0x58, 0x20)
	data = append(data, public[33:]...)
	// {"fmt": "none", "attStmt": {}, "authData": data}
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(object, 0x67), "attStmt"...)
	object = append(append(object, 0xa0, 0x68), "authData"...)
	object = append(binary.BigEndian.AppendUint16(append(object, 0x59), uint16(len(data))), data...)
	return a.answer(map[string]any{"attestationObject": encode(object), "clientDataJSON": encode(a.client(o, "webauthn.create")), "transports": a.Transports})
}

// Get answers request options, with or without {"publicKey": …} around them.
func (a *Authenticator) Get(given any) map[string]any {
	a.T.Helper()
	o := a.read(given)
	data, client := a.data(o.RPID, 0), a.client(o, "webauthn.get")
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	require.NoError(a.T, err)
	handle := a.handle
	if a.UserHandle != nil {
		handle = a.UserHandle
	}
	return a.answer(map[string]any{"authenticatorData": encode(data), "clientDataJSON": encode(client), "signature": encode(signature),
		"userHandle": encode(handle)})
}

func (a *Authenticator) answer(response map[string]any) map[string]any {
	out := map[string]any{"id": encode(a.ID), "rawId": encode(a.ID), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response}
	if a.Attachment != "" {
		out["authenticatorAttachment"] = a.Attachment
	}
	return out
}

func (a *Authenticator) data(rpID string, flags byte) []byte {
	if !a.Absent {
		flags |= 0x01
	}
	if !a.Unverified {
		flags |= 0x04
	}
	hash := sha256.Sum256([]byte(rpID))
	out := binary.BigEndian.AppendUint32(append(hash[:], flags), a.Counter)
	if a.Counter > 0 {
		a.Counter++
	}
	return out
}

func (a *Authenticator) client(o options, ceremony string) []byte {
	if a.Ceremony != "" {
		ceremony = a.Ceremony
	}
	if a.Challenge != "" {
		o.Challenge = a.Challenge
	}
	encoded, err := json.Marshal(map[string]any{"type": ceremony, "challenge": o.Challenge, "origin": a.Origin, "crossOrigin": a.Framed})
	require.NoError(a.T, err)
	return encoded
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
