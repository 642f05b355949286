// Package sign lets somebody do one thing with one file for a while: read it, read an image made of it, or write it. Who holds the address needs no
// other right.
package sign

import (
	"crypto"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/token"
)

// Use is what a grant is good for, and nothing else.
type Use string

// The uses.
const (
	Download Use = "download"
	Render   Use = "render"
	Upload   Use = "upload"
)

// Bounds of how long a grant may last.
const (
	// UploadFor is how long one may be used to upload, as at Supabase.
	UploadFor = 2 * time.Hour
	// MaxSeconds is the longest of others: a hundred years.
	MaxSeconds = 100 * 365 * 24 * 3600
)

// Grant is what a token allows.
type Grant struct {
	Use          Use
	Bucket, Name string
	// Transform is what the image is made into; of Render only. It is opaque here.
	Transform string
	// Upsert lets an upload replace what is there. Owner is whose the file will be. Both are of Upload only.
	Upsert bool
	Owner  string
	// Expires is in whole seconds.
	Expires time.Time
}

// claims are a token's payload. Its names are Supabase Storage's where it has them.
type claims struct {
	URL             string `json:"url"`
	Use             Use    `json:"use"`
	Ref             string `json:"ref"`
	Transformations string `json:"transformations,omitempty"`
	Upsert          bool   `json:"upsert,omitempty"`
	Owner           string `json:"owner,omitempty"`
	IssuedAt        int64  `json:"iat"`
	Expires         int64  `json:"exp"`
}

type header struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	KeyID     string `json:"kid"`
}

// The ids of keys are those of the project's, marked: a token of one sort names no key of the other.
const (
	keyMark   = "storage-url:"
	legacyKey = "legacy"
)

// maxToken bounds what is taken for a token.
const maxToken = 16 << 10

var (
	errToken   = fault.New(fault.Invalid, "INVALID_JWT", "invalid token: it is not one of a signed URL of this project, or its key was revoked")
	errExpired = fault.New(fault.Invalid, "INVALID_JWT", "jwt expired: ask for a new signed URL")
	errOther   = fault.New(fault.Invalid, "INVALID_SIGNATURE", "The url does not match the signature")
)

var encoding = base64.RawURLEncoding.Strict()

// Token makes a grant's token, with the key that the project signs with.
func Token(p *directory.Project, g Grant, now time.Time) (string, error) {
	key := p.SigningKey
	if key.Private == nil {
		key = token.Key{ID: legacyKey, Private: p.LegacyJWTSecret}
	}
	secret, err := derive(p, key)
	if err != nil {
		return "", err
	}
	head, err := json.Marshal(header{"HS256", "JWT", keyMark + key.ID})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims{g.Bucket + "/" + g.Name, g.Use, p.Ref, g.Transform, g.Upsert, g.Owner, now.Unix(), g.Expires.Unix()})
	if err != nil {
		return "", err
	}
	signed := encoding.EncodeToString(head) + "." + encoding.EncodeToString(payload)
	return signed + "." + encoding.EncodeToString(sum(secret, signed)), nil
}

// Open returns what a token allows, when it is of that use and has not expired.
func Open(p *directory.Project, text string, use Use, now time.Time) (Grant, error) {
	payload, err := verify(p, text)
	if err != nil {
		return Grant{}, err
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Grant{}, fault.Wrap(err, fault.Internal, "SIGNED_NONSENSE", "The token cannot be read.")
	}
	bucket, name, ok := strings.Cut(c.URL, "/")
	switch {
	case !ok || c.Ref != p.Ref:
		return Grant{}, errToken
	case now.Unix() >= c.Expires:
		return Grant{}, errExpired
	case c.Use != use:
		return Grant{}, errOther
	}
	return Grant{c.Use, bucket, name, c.Transformations, c.Upsert, c.Owner, time.Unix(c.Expires, 0).UTC()}, nil
}

// verify checks the signature, and that the token's key is one of the project's still. It returns the payload.
func verify(p *directory.Project, text string) ([]byte, error) {
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 {
		return nil, errToken
	}
	head, err1 := encoding.DecodeString(parts[0])
	payload, err2 := encoding.DecodeString(parts[1])
	given, err3 := encoding.DecodeString(parts[2])
	var h header
	if errors.Join(err1, err2, err3, json.Unmarshal(head, &h)) != nil || h.Algorithm != "HS256" {
		return nil, errToken
	}
	id, ours := strings.CutPrefix(h.KeyID, keyMark)
	key, known := find(p, id)
	if !ours || !known {
		return nil, errToken
	}
	secret, err := derive(p, key)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(given, sum(secret, parts[0]+"."+parts[1])) {
		return nil, errToken
	}
	return payload, nil
}

// find looks for a key among all that the project verifies with: when it rotates its keys, signed URLs last until the former key is revoked.
func find(p *directory.Project, id string) (token.Key, bool) {
	for _, k := range p.SigningKeys {
		if k.ID == id && id != legacyKey {
			return k, true
		}
	}
	return token.Key{ID: legacyKey, Private: p.LegacyJWTSecret}, id == legacyKey && len(p.LegacyJWTSecret) > 0
}

// derived are the secrets of keys whose private half takes long to encode. What is kept is used for the very key that it was made of only.
var derived, _ = lru.New[derivedOf, derivation](4096) // the size is right

type derivedOf struct{ project, key string }

type derivation struct {
	private interface {
		Equal(other crypto.PrivateKey) bool
	}
	secret []byte
}

// derive makes the secret for signed URLs of a key. Neither can be had of the other's tokens: a signed URL is no bearer token, nor the reverse.
func derive(p *directory.Project, k token.Key) ([]byte, error) {
	pair, asymmetric := k.Private.(interface {
		Equal(other crypto.PrivateKey) bool
	})
	at := derivedOf{p.ID, k.ID}
	if known, ok := derived.Get(at); asymmetric && ok && known.private.Equal(k.Private) {
		return known.secret, nil
	}
	private, err := k.MarshalPrivate()
	if err != nil {
		return nil, fmt.Errorf("derive the key of signed urls: %w", err)
	}
	if len(private) == 0 {
		return nil, fault.New(fault.Unavailable, "NO_SIGNING_KEY", "This project has no key to sign URLs with.")
	}
	secret, err := hkdf.Key(sha256.New, private, []byte(p.ID), "fluxbase storage signed urls 1", sha256.Size)
	if asymmetric && err == nil {
		derived.Add(at, derivation{pair, secret})
	}
	return secret, err
}

func sum(secret []byte, signed string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

// Names checks that an address names the grant's file. Clients escape the address that they are given once more than others; that makes no
// difference, for what is served is the file that the token names.
func (g Grant) Names(bucket, name string) error {
	path, own := bucket+"/"+name, g.Bucket+"/"+g.Name
	if path == own {
		return nil
	}
	if again, err := url.PathUnescape(path); err == nil && again == own {
		return nil
	}
	return errOther
}

// folders are where the uses have their addresses.
var folders = map[Use]string{Download: "/object/sign/", Render: "/render/image/sign/", Upload: "/object/upload/sign/"}

// Address is a grant's URL below /storage/v1. That of an upload is escaped. That of a download is as Supabase's, which its clients escape: only what would
// end the path is escaped already.
func (g Grant) Address(token string) string {
	path := g.Bucket + "/" + g.Name
	if g.Use == Upload {
		path = (&url.URL{Path: path}).EscapedPath()
	} else {
		path = readable.Replace(path)
	}
	return folders[g.Use] + path + "?token=" + token
}

var readable = strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23")
