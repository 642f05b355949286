package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Again tells how long it is until something may be asked again for a recipient, who need not exist: so it is the same for those who do. Zero is now,
// and then the next time is an interval away. Counted is false where nothing is counted at all.
func (g *Guard) Again(ctx context.Context, session *projectdb.Session, what, recipient string, interval time.Duration) (wait time.Duration, counted bool) {
	if _, none := g.limiter.(unlimited); none {
		return 0, false
	}
	if interval <= 0 {
		return 0, true
	}
	hashed := sha256.Sum256([]byte(recipient))
	ok, retry := g.limiter.Allow(ctx, session.Project.Ref, "auth:again:"+what+":"+hex.EncodeToString(hashed[:12]), Rate{PerSecond: 1 / interval.Seconds(), Burst: 1})
	if ok {
		return 0, true
	}
	return max(retry, time.Second), true
}
