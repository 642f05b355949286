package hook

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net"
	"net/http"
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
	if err := egress.Sign(r.Header, secrets, id, time.Now(), payload); err != nil {
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
