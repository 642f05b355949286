package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"time"
)

// IDToken signs claims, as the provider behaves now: issuer, audience, time of issue and expiry are added when they are missing.
func (p *Provider) IDToken(claims map[string]any) string {
	b := p.now()
	all := map[string]any{"iss": p.URL, "aud": ClientID, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	all = replace(all, b.Claims)
	p.mu.Lock()
	key, id := p.key, p.keyID
	p.mu.Unlock()
	if b.ForeignKey {
		key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	algorithm := b.Algorithm
	if algorithm == "" {
		algorithm = "ES256"
	}
	name := algorithm
	if name == "HS256 with the public key" {
		name = "HS256"
	}
	header, _ := json.Marshal(map[string]any{"alg": name, "kid": id, "typ": "JWT"})
	payload, _ := json.Marshal(all) // maps of strings, numbers and lists
	signed := encode(header) + "." + encode(payload)
	switch algorithm {
	case "none":
		return signed + "."
	case "HS256":
		return signed + "." + encode(mac([]byte(ClientSecret), signed))
	case "HS256 with the public key":
		return signed + "." + encode(mac(publicPEM(key), signed))
	}
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil { // never
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + encode(signature)
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func publicPEM(key *ecdsa.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil { // never
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
