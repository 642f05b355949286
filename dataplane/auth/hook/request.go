package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// tries is how often a server is asked that answers 429 or 503 with Retry-After.
const tries = 3

// request posts the payload. The id stays the same when it is sent again, so that a server can tell.
func (c *Caller) request(ctx context.Context, address, secrets string, payload []byte) ([]byte, error) {
	if err := c.egress.CheckURL(address); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "HOOK_INVALID", "The project's hook has no https address.")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, requestTimeout, errTimeout)
	defer cancel()
	id := "msg_" + uuid.NewString()
	for try := 1; ; try++ {
		answer, again, err := c.post(ctx, address, id, secrets, payload)
		if !again {
			return answer, err
		}
		if try == tries {
			return nil, errRetried
		}
		select {
		case <-ctx.Done():
			return nil, errRetried
		case <-time.After(c.pause):
		}
	}
}

func (c *Caller) post(ctx context.Context, address, id, secrets string, payload []byte) (_ []byte, again bool, _ error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(payload))
	if err != nil {
		return nil, false, err
	}
	if err := Sign(r.Header, secrets, id, time.Now(), payload); err != nil {
		return nil, false, fault.Wrap(err, fault.Internal, "HOOK_INVALID", "The project's hook has no valid secret.")
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.client.Do(r)
	if err != nil {
		return nil, false, unreached(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if (answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable) && answer.Header.Get("Retry-After") != "" {
		return nil, true, nil
	}
	body, err := egress.Read(answer.Body, maxPayload)
	switch {
	case errors.Is(err, egress.ErrTooLarge):
		return nil, false, errTooLarge
	case err != nil:
		return nil, false, unreached(ctx, err)
	case answer.StatusCode == http.StatusNoContent:
		return nil, false, nil
	case answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusAccepted:
		return nil, false, fault.New(fault.Internal, "HOOK_FAILED", "The project's hook answered with status %d.", answer.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); len(body) > 0 && (err != nil || kind != "application/json") {
		return nil, false, errContentType
	}
	return body, false, nil
}

func unreached(ctx context.Context, err error) error {
	var timeout net.Error
	if errors.Is(context.Cause(ctx), errTimeout) || errors.As(err, &timeout) && timeout.Timeout() {
		return errTimeout
	}
	return fault.Wrap(err, fault.Internal, "HOOK_UNREACHABLE", "The project's hook could not be reached.")
}

// Sign adds the headers of Standard Webhooks: one signature for each secret, so that secrets can be exchanged. Secrets are "v1,whsec_" and base64,
// with | between several.
func Sign(h http.Header, secrets, id string, at time.Time, payload []byte) error {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for part := range strings.SplitSeq(secrets, "|") {
		encoded, ok := strings.CutPrefix(strings.TrimSpace(part), "v1,whsec_")
		if !ok {
			return fmt.Errorf("a secret does not begin with v1,whsec_")
		}
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return fmt.Errorf("a secret is not base64: %w", err)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(payload)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", strings.Join(signatures, " "))
	return nil
}
