package egress

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sign adds the headers of Standard Webhooks (https://www.standardwebhooks.com): one signature for each secret, so that secrets can be exchanged.
// Secrets are "v1,whsec_" and base64, with | between several.
func Sign(h http.Header, secrets, id string, at time.Time, payload []byte) error {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for part := range strings.SplitSeq(secrets, "|") {
		encoded, ok := strings.CutPrefix(strings.TrimSpace(part), "v1,whsec_")
		if !ok {
			return errors.New("a secret does not begin with v1,whsec_")
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
