package mfa

import (
	"cmp"
	"crypto/subtle"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// period is how long a code of an authenticator app lasts; skew is how many codes before and after are taken too, for clocks that differ.
const (
	period = 30
	skew   = 1
)

// newSecret makes the secret of an authenticator app, with the address that a QR code leads to.
func newSecret(values setting.Values, user *store.User, issuer string) (*otp.Key, error) {
	if issuer == "" {
		site, err := url.Parse(setting.Get[string](values, "auth.site_url"))
		if err != nil {
			return nil, fmt.Errorf("auth.site_url: %w", err)
		}
		issuer = site.Hostname() // a colon would part the label
	}
	if len(issuer) > maxName || strings.ContainsFunc(issuer, unicode.IsControl) {
		return nil, protocol.ErrValidation("issuer must be plain text of no more than %d bytes", maxName)
	}
	return totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: cmp.Or(user.Email, user.Phone, user.ID.String()), Period: period})
}

// step finds the time step whose code this is, or 0. The codes of all steps are compared, and none is left early. Steps up to the last one that was
// used are none: a code is good once.
func step(secret, code string, last int64, now time.Time) (int64, error) {
	code = strings.TrimSpace(code)
	current := now.Unix() / period
	var found int64
	for s := current - skew; s <= current+skew; s++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, fmt.Errorf("the secret of an authenticator app cannot be used: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > last {
			found = s
		}
	}
	return found, nil
}

// picture draws a QR code as SVG, without characters that would have to be escaped in a data URI.
func picture(content string) (string, error) {
	code, err := qr.Encode(content, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	const margin, scale = 4, 4
	size := code.Bounds().Dx()
	side := size + 2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" shape-rendering="crispEdges">`,
		side*scale, side*scale, side, side)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/><path fill="black" d="`, side, side)
	for y := range size {
		for x := 0; x < size; x++ {
			run := 0
			for ; x < size; x++ {
				if r, _, _, _ := code.At(x, y).RGBA(); r != 0 {
					break
				}
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x-run+margin, y+margin, run, run)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}
