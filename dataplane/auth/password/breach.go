package password

import (
	"context"
	"crypto/sha1" //nolint:gosec // what the lists of breached passwords are kept by
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"github.com/wayli-app/fluxbase/internal/egress"
)

const (
	breachTimeout = 3 * time.Second
	// A range has a thousand lines or so, of 40 bytes each.
	maxRange   = 1 << 20
	keptRanges = 64
	rangeLife  = 10 * time.Minute
	// downFor is how long a server that failed is not asked again, so that it does not hold up every sign-in.
	downFor = 15 * time.Second
)

// Doer sends requests; an http.Client does.
type Doer interface {
	Do(r *http.Request) (*http.Response, error)
}

// breaches looks passwords up by k-anonymity range: only five hexadecimal digits of the hash are told, and the answer is of a padded length, so that
// neither the server nor who listens learns more.
type breaches struct {
	client Doer
	ranges *expirable.LRU[string, string]
	down   *expirable.LRU[string, error]
}

func newBreaches(client Doer) *breaches {
	return &breaches{client: client, ranges: expirable.NewLRU[string, string](keptRanges, nil, rangeLife),
		down: expirable.NewLRU[string, error](keptRanges, nil, downFor)}
}

// known tells whether a password is in the list at an address.
func (b *breaches) known(ctx context.Context, address, password string) (bool, error) {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // as above
	hash := strings.ToUpper(hex.EncodeToString(sum[:]))
	if !strings.HasSuffix(address, "/") {
		address += "/"
	}
	list, ok := b.ranges.Get(address + hash[:5])
	if !ok {
		if err, down := b.down.Get(address); down {
			return false, err
		}
		var err error
		if list, err = b.fetch(ctx, address+hash[:5]); err != nil {
			err = fmt.Errorf("look up breached passwords: %w", err)
			if ctx.Err() == nil { // and not only the request was given up
				b.down.Add(address, err)
			}
			return false, err
		}
		b.ranges.Add(address+hash[:5], list)
	}
	for line := range strings.Lines(list) {
		suffix, count, _ := strings.Cut(strings.TrimSpace(line), ":")
		if strings.EqualFold(suffix, hash[5:]) {
			return strings.Trim(count, "0 ") != "", nil // padding counts none
		}
	}
	return false, nil
}

func (b *breaches) fetch(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, breachTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Add-Padding", "true")
	r.Header.Set("User-Agent", "Fluxbase")
	answer, err := b.client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", answer.StatusCode)
	}
	list, err := egress.Read(answer.Body, maxRange)
	return string(list), err
}
