package web3_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/sha3"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/web3"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

func mount(b *authtest.Bundle) {
	grant := web3.New(web3.Deps{Guard: b.Guard, Sessions: b.Sessions, Users: b.Users}).Grants()["web3"]
	b.Router.Handle(http.MethodPost, "/token", func(w http.ResponseWriter, r *http.Request, s *projectdb.Session) error { return grant(w, r, s) })
}

// bundle is a project where both chains are on, at https://app.example.com.
func bundle(b *authtest.Bundle) *authtest.Bundle {
	return b.With(map[string]string{"auth.web3.ethereum.enabled": "true", "auth.web3.solana.enabled": "true",
		"auth.site_url": `"https://app.example.com"`, "auth.redirect_urls": `["http://localhost:3000/**"]`})
}

func keccak(data []byte) []byte {
	h := sha3.NewLegacyKeccak256()
	_, _ = h.Write(data)
	return h.Sum(nil)
}

// ethereum is a wallet.
type ethereum struct{ key *secp256k1.PrivateKey }

func newEthereum(t *testing.T) ethereum {
	t.Helper()
	key, err := secp256k1.GeneratePrivateKey()
	require.NoError(t, err)
	return ethereum{key}
}

func (e ethereum) address() string {
	return "0x" + hex.EncodeToString(keccak(e.key.PubKey().SerializeUncompressed()[1:])[12:])
}

func (e ethereum) sign(text string) string {
	compact := ecdsa.SignCompact(e.key, keccak([]byte("\x19Ethereum Signed Message:\n"+strconv.Itoa(len(text))+text)), false)
	return "0x" + hex.EncodeToString(append(slices.Clone(compact[1:]), compact[0]))
}

// siwe writes a message as auth-js does.
func siwe(address string, change func(m map[string]string)) string {
	m := map[string]string{"domain": "app.example.com", "uri": "https://app.example.com/login", "version": "1", "chain": "1", "issued": time.Now().UTC().Format(time.RFC3339)}
	if change != nil {
		change(m)
	}
	text := m["domain"] + " wants you to sign in with your Ethereum account:\n" + address + "\n\n"
	if m["statement"] != "" {
		text += m["statement"] + "\n"
	}
	text += "\nURI: " + m["uri"] + "\nVersion: " + m["version"] + "\nChain ID: " + m["chain"]
	for _, field := range []struct{ key, name string }{{"nonce", "Nonce"}, {"issued", "Issued At"}, {"expires", "Expiration Time"}, {"notBefore", "Not Before"}, {"request", "Request ID"}} {
		if m[field.key] != "" {
			text += "\n" + field.name + ": " + m[field.key]
		}
	}
	return text + m["tail"]
}

func grant(b *authtest.Bundle, chain, message, signature string) authtest.Answer {
	return b.Call("POST", "/token?grant_type=web3", "", map[string]any{"chain": chain, "message": message, "signature": signature})
}

func TestEthereumSignsUpAndIn(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		wallet := newEthereum(t)
		text := siwe(wallet.address(), func(m map[string]string) {
			m["statement"], m["tail"] = "I agree.", "\nResources:\n- https://example.com/terms"
		})
		out := grant(b, "ethereum", text, wallet.sign(text))
		require.Equal(t, 200, out.Status, out.Text)
		require.NotEmpty(t, out.Str("refresh_token"))
		name := "web3:ethereum:" + wallet.address()
		user := out.User()
		require.Equal(t, map[string]any{"provider": "web3", "providers": []any{"web3"}}, user["app_metadata"])
		claims := map[string]any{"address": wallet.address(), "chain": "ethereum", "network": "1", "domain": "app.example.com", "statement": "I agree."}
		require.Equal(t, map[string]any{"sub": name, "custom_claims": claims, "email_verified": false, "phone_verified": false}, user["user_metadata"])
		identity := user["identities"].([]any)[0].(map[string]any)
		require.Equal(t, "web3", identity["provider"])
		require.Equal(t, name, identity["id"])
		verified, err := b.Project.Verifier.Verify(out.Str("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, "web3", verified.Claims["amr"].([]any)[0].(map[string]any)["method"])

		again := siwe(wallet.address(), func(m map[string]string) { m["chain"] = "137" })
		second := grant(b, "ethereum", again, wallet.sign(again))
		require.Equal(t, 200, second.Status, second.Text)
		require.Equal(t, user["id"], second.User()["id"])
		require.Equal(t, "137", second.User()["user_metadata"].(map[string]any)["custom_claims"].(map[string]any)["network"])
		require.Equal(t, 1, b.Count("select count(*) from users"))
		require.Equal(t, 2, b.Count("select count(*) from audit_log_entries where payload->>'action' = 'login' and payload->'traits'->>'chain' = 'ethereum'"))
	})
}

func TestAnAddressHasOneUserHoweverItIsWritten(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		wallet := newEthereum(t)
		lower := siwe(wallet.address(), nil)
		first := grant(b, "ethereum", lower, wallet.sign(lower))
		upper := siwe("0x"+strings.ToUpper(wallet.address()[2:]), func(m map[string]string) { m["statement"] = "again" })
		second := grant(b, "ethereum", upper, wallet.sign(upper))
		require.Equal(t, 200, second.Status, second.Text)
		require.Equal(t, first.User()["id"], second.User()["id"])
	})
}

func TestEthereumRefusals(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		wallet, other := newEthereum(t), newEthereum(t)
		at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
		const bad, no = "validation_failed", "invalid_grant"
		for name, c := range map[string]struct {
			change func(m map[string]string)
			code   string
		}{
			"another app's domain and URI":     {func(m map[string]string) { m["domain"], m["uri"] = "evil.example", "https://evil.example/" }, no},
			"another app's domain, our URI":    {func(m map[string]string) { m["domain"] = "evil.example" }, no},
			"our domain, another app's URI":    {func(m map[string]string) { m["uri"] = "https://evil.example/login" }, no},
			"our domain as the URI's user":     {func(m map[string]string) { m["uri"] = "https://app.example.com@evil.example/" }, bad},
			"plain http":                       {func(m map[string]string) { m["uri"] = "http://app.example.com/login" }, no},
			"another port":                     {func(m map[string]string) { m["uri"] = "https://app.example.com:8443/login" }, no},
			"another scheme on the first line": {func(m map[string]string) { m["domain"] = "http://app.example.com" }, no},
			"issued too long ago":              {func(m map[string]string) { m["issued"] = at(-11 * time.Minute) }, no},
			"issued in the future":             {func(m map[string]string) { m["issued"] = at(11 * time.Minute) }, no},
			"expired, though no not-before":    {func(m map[string]string) { m["expires"] = at(-time.Second) }, no},
			"not valid yet":                    {func(m map[string]string) { m["notBefore"] = at(time.Minute) }, no},
			"no time of issue":                 {func(m map[string]string) { m["issued"] = "" }, bad},
			"a time that is none":              {func(m map[string]string) { m["issued"] = "yesterday" }, bad},
			"another version":                  {func(m map[string]string) { m["version"] = "2" }, bad},
			"a chain that is no number":        {func(m map[string]string) { m["chain"] = "main" }, bad},
			"a short nonce":                    {func(m map[string]string) { m["nonce"] = "1234567" }, bad},
			"a nonce with other signs":         {func(m map[string]string) { m["nonce"] = "12345678-" }, bad},
			"a field twice":                    {func(m map[string]string) { m["tail"] = "\nURI: https://app.example.com/" }, bad},
			"an unknown field":                 {func(m map[string]string) { m["tail"] = "\nRole: admin" }, bad},
			"text after the fields":            {func(m map[string]string) { m["tail"] = "\n\nand more" }, bad},
			"text after the resources":         {func(m map[string]string) { m["tail"] = "\nResources:\n- https://a.example\nmore" }, bad},
			"a resource that is no address":    {func(m map[string]string) { m["tail"] = "\nResources:\n- nothing" }, bad},
			"a carriage return":                {func(m map[string]string) { m["tail"] = "\r" }, bad},
			"a statement of two lines":         {func(m map[string]string) { m["statement"] = "one\ntwo" }, bad},
			"a URI that is none":               {func(m map[string]string) { m["uri"] = "login" }, bad},
			"a domain that is none":            {func(m map[string]string) { m["domain"] = "app.example.com/.evil.example" }, bad},
			"a domain with words before":       {func(m map[string]string) { m["domain"] = "hello app.example.com" }, bad},
			"more than 20 KB":                  {func(m map[string]string) { m["statement"] = strings.Repeat("x", 20<<10) }, bad},
			"the null character":               {func(m map[string]string) { m["statement"] = "a\x00b" }, bad},
			"the words of another kind of chain": {func(m map[string]string) {
				m["domain"] = "app.example.com wants you to sign in with your Solana account:\n"
			}, bad},
		} {
			text := siwe(wallet.address(), c.change)
			out := grant(b, "ethereum", text, wallet.sign(text))
			require.Equal(t, 400, out.Status, name+": "+out.Text)
			require.Equal(t, c.code, out.Code(), name+": "+out.Text)
		}
		text := siwe(wallet.address(), nil)
		good := wallet.sign(text)
		b.Refused(grant(b, "ethereum", text, other.sign(text)), 400, no)
		b.Refused(grant(b, "ethereum", siwe(other.address(), nil), good), 400, no)
		b.Refused(grant(b, "ethereum", strings.Replace(text, "Chain ID: 1", "Chain ID: 2", 1), good), 400, no)
		b.Refused(grant(b, "ethereum", text, good[:len(good)-2]), 400, bad)
		b.Refused(grant(b, "ethereum", text, good+"00"), 400, bad)
		b.Refused(grant(b, "ethereum", text, "0x"+strings.Repeat("zz", 65)), 400, bad)
		b.Refused(grant(b, "ethereum", text, "0x"+strings.Repeat("00", 65)), 400, no)
		b.Refused(grant(b, "ethereum", text, "0x"+strings.Repeat("ff", 65)), 400, no)
		b.Refused(grant(b, "ethereum", text, good[:len(good)-2]+"1f"), 400, no)
		b.Refused(grant(b, "ethereum", text, flipped(t, good)), 400, no)
		b.Refused(grant(b, "ethereum", "short", good), 400, bad)
		wrong := siwe(wrongChecksum(wallet.address()), nil)
		b.Refused(grant(b, "ethereum", wrong, wallet.sign(wrong)), 400, bad)
		b.Refused(grant(b, "bitcoin", text, good), 400, "web3_unsupported_chain")
		b.Refused(grant(b, "", text, good), 400, "web3_unsupported_chain")
		b.Refused(grant(b, "solana", text, good), 400, bad)
		require.Zero(t, b.Count("select count(*) from users"))
		require.Zero(t, b.Count("select count(*) from spent_proofs"))
		require.Equal(t, 200, grant(b, "ethereum", text, good).Status, "none of that used it up")
	})
}

// flipped is the other signature that the same key and message have, which one could make without the key.
func flipped(t *testing.T, signature string) string {
	t.Helper()
	raw, err := hex.DecodeString(signature[2:])
	require.NoError(t, err)
	s := new(big.Int).Sub(secp256k1.S256().N, new(big.Int).SetBytes(raw[32:64]))
	s.FillBytes(raw[32:64])
	raw[64] ^= 27 ^ 28
	return "0x" + hex.EncodeToString(raw)
}

// wrongChecksum writes an address in letters of both sizes that EIP-55 does not.
func wrongChecksum(address string) string {
	hash := hex.EncodeToString(keccak([]byte(address[2:])))
	out := []byte(address)
	for i, c := range out[2:] {
		if c >= 'a' && hash[i] < '8' {
			out[i+2] = c - 'a' + 'A'
		}
	}
	return string(out)
}

func TestAMessageIsUsedOnce(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		wallet := newEthereum(t)
		text := siwe(wallet.address(), nil)
		signature := wallet.sign(text)
		var wait sync.WaitGroup
		statuses := make([]int, 6)
		for i := range statuses {
			wait.Go(func() { statuses[i] = grant(b, "ethereum", text, signature).Status })
		}
		wait.Wait()
		good := 0
		for _, status := range statuses {
			if status == 200 {
				good++
			}
		}
		require.Equal(t, 1, good, "of several at once one signs in: %v", statuses)
		b.Refused(grant(b, "ethereum", text, signature), 400, "invalid_grant")
		require.Equal(t, 1, b.Count("select count(*) from sessions"))

		nonce := func(m map[string]string) { m["nonce"] = "abcd1234" }
		one := siwe(wallet.address(), nonce)
		require.Equal(t, 200, grant(b, "ethereum", one, wallet.sign(one)).Status)
		two := siwe(wallet.address(), func(m map[string]string) { nonce(m); m["statement"] = "the same nonce" })
		b.Refused(grant(b, "ethereum", two, wallet.sign(two)), 400, "invalid_grant")
		other := newEthereum(t)
		three := siwe(other.address(), nonce)
		require.Equal(t, 200, grant(b, "ethereum", three, other.sign(three)).Status, "another wallet's nonces are its own")
	})
}

const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

func base58(raw []byte) string {
	n, out := new(big.Int).SetBytes(raw), ""
	for n.Sign() > 0 {
		var digit big.Int
		n.DivMod(n, big.NewInt(58), &digit)
		out = string(digits[digit.Int64()]) + out
	}
	for _, c := range raw {
		if c != 0 {
			break
		}
		out = "1" + out
	}
	return out
}

func TestSolana(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		public, private, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		address := base58(public)
		now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		sign := func(text string) string {
			return base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(text)))
		}
		head := "app.example.com wants you to sign in with your Solana account:\n" + address + "\n\n"
		clients := head + "Hello\n\nVersion: 1\nURI: https://app.example.com/\nIssued At: " + now + "\nChain ID: mainnet\nNonce: 12345678\nResources\n- https://example.com"
		out := grant(b, "solana", clients, sign(clients))
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "web3:solana:"+address, out.User()["identities"].([]any)[0].(map[string]any)["id"])

		wallets := head + "URI: https://app.example.com/\nVersion: 1\nChain ID: solana:mainnet\nIssued At: " + now
		second := grant(b, "solana", wallets, base64.StdEncoding.EncodeToString(ed25519.Sign(private, []byte(wallets))))
		require.Equal(t, 200, second.Status, second.Text)
		require.Equal(t, out.User()["id"], second.User()["id"])

		local := strings.Replace("localhost:3000"+strings.TrimPrefix(wallets, "app.example.com"), "https://app.example.com/", "http://localhost:3000/x", 1)
		require.Equal(t, 200, grant(b, "solana", local, sign(local)).Status)

		fresh := wallets + "\nRequest ID: 7"
		b.Refused(grant(b, "solana", fresh, sign(wallets)), 400, "invalid_grant")
		b.Refused(grant(b, "solana", fresh, sign(fresh)[:85]), 400, "validation_failed")
		b.Refused(grant(b, "solana", fresh, strings.Repeat("*", 86)), 400, "validation_failed")
		for from, to := range map[string]string{"solana:mainnet": "ethereum:1", address: "1" + address, "Version: 1": "Version: 1.0"} {
			changed := strings.Replace(fresh, from, to, 1)
			b.Refused(grant(b, "solana", changed, sign(changed)), 400, "validation_failed")
		}
		short := strings.Replace(fresh, address, base58(public[:31]), 1)
		b.Refused(grant(b, "solana", short, sign(short)), 400, "validation_failed")
	})
}

func TestWhatIsOff(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		wallet := newEthereum(t)
		text := siwe(wallet.address(), nil)
		b.Refused(grant(b, "ethereum", text, wallet.sign(text)), 422, "web3_provider_disabled")
		b = bundle(b)
		off := b.With(map[string]string{"auth.web3.ethereum.enabled": "false"})
		b.Refused(grant(off, "ethereum", text, wallet.sign(text)), 422, "web3_provider_disabled")
		closed := b.With(map[string]string{"auth.disable_signup": "true"})
		b.Refused(grant(closed, "ethereum", text, wallet.sign(text)), 422, "signup_disabled")
		require.Equal(t, 200, grant(b, "ethereum", text, wallet.sign(text)).Status)
		again := siwe(wallet.address(), func(m map[string]string) { m["statement"] = "again" })
		require.Equal(t, 200, grant(closed, "ethereum", again, wallet.sign(again)).Status, "who has signed up signs in")
		b.Exec("update users set banned_until = now() + interval '1 day'")
		banned := siwe(wallet.address(), func(m map[string]string) { m["statement"] = "banned" })
		b.Refused(grant(b, "ethereum", banned, wallet.sign(banned)), 400, "user_banned")
		human := b.With(map[string]string{"auth.captcha.enabled": "true", "auth.captcha.secret": `"s"`})
		b.Refused(grant(human, "ethereum", banned, wallet.sign(banned)), 400, "captcha_failed")
	})
}
