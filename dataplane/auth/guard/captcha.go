package guard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Deps are what a guard needs.
type Deps struct {
	// Limiter counts; without one nothing is limited.
	Limiter Limiter
	// Client asks the providers of CAPTCHAs.
	Client *http.Client
	// CaptchaURLs are where: "hcaptcha" and "turnstile". Empty for the providers' own.
	CaptchaURLs map[string]string
}

// New makes a guard.
func New(d Deps) *Guard {
	if d.Limiter == nil {
		d.Limiter = unlimited{}
	}
	urls := map[string]string{
		"hcaptcha":  "https://api.hcaptcha.com/siteverify",
		"turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
	}
	for name, address := range d.CaptchaURLs {
		urls[name] = address
	}
	return &Guard{limiter: d.Limiter, captcha: &captcha{client: d.Client, urls: urls}}
}

// Security is the part of a request's body that proves a human: {"gotrue_meta_security": {"captcha_token": "…"}}.
type Security struct {
	Token string `json:"captcha_token"`
}

type captcha struct {
	client *http.Client
	urls   map[string]string
}

func errCaptcha(why string) error {
	return fault.New(fault.Invalid, "CAPTCHA_FAILED", "captcha protection: request disallowed (%s)", why)
}

// Human requires the CAPTCHA that the project asks for. Holders of a secret key need none.
func (g *Guard) Human(r *http.Request, session *projectdb.Session, proof Security) error {
	values := session.Project.Settings
	if !setting.Get[bool](values, "auth.captcha.enabled") || session.Caller.Role == "service_role" {
		return nil
	}
	if strings.TrimSpace(proof.Token) == "" {
		return errCaptcha("no captcha_token found in request")
	}
	form := url.Values{"secret": {setting.Get[string](values, "auth.captcha.secret")}, "response": {proof.Token}}
	if c := protocol.Client(r); c.Address != nil {
		form.Set("remoteip", c.Address.String())
	}
	return g.captcha.verify(r.Context(), g.captcha.urls[setting.Get[string](values, "auth.captcha.provider")], form)
}

func (c *captcha) verify(ctx context.Context, address string, form url.Values) error {
	unavailable := func(err error) error {
		return fault.Wrap(err, fault.Unavailable, "CAPTCHA_UNAVAILABLE", "The CAPTCHA cannot be checked now. Try again shortly.")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return unavailable(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := c.client.Do(r)
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := egress.Read(answer.Body, 64<<10)
	if err != nil {
		return unavailable(err)
	}
	if answer.StatusCode >= http.StatusInternalServerError {
		return unavailable(fmt.Errorf("the provider answered with status %d", answer.StatusCode))
	}
	var out struct {
		Success bool     `json:"success"`
		Errors  []string `json:"error-codes"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return unavailable(err)
	}
	if !out.Success {
		return errCaptcha(strings.Join(out.Errors, ", "))
	}
	return nil
}
