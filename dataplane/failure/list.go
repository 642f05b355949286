package failure

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Filter narrows a list. Zero values let everything through.
type Filter struct {
	// Before is the id of the failure that the last page ended with.
	Before string
	// Least and Most bound the status.
	Least, Most int
	Service     string
	// Search is a part of the path, the code or the request id, without regard to case.
	Search string
	Limit  int
}

// List returns a project's failures, newest first, and whether there are older ones.
func (j *Journal) List(ctx context.Context, ref string, f Filter) (list []Failure, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list = []Failure{}
	oldest := time.Now().Add(-life)
	for sort := range 2 {
		stored, err := j.redis.LRange(ctx, j.key(ref, sort), 0, Kept-1).Result()
		if err != nil {
			return nil, false, fault.Wrap(err, fault.Unavailable, "FAILURES_UNAVAILABLE", "The errors that were noted cannot be read now. Try again shortly.")
		}
		for _, encoded := range stored {
			var one Failure
			if json.Unmarshal([]byte(encoded), &one) == nil && one.Time.After(oldest) && f.lets(one) {
				list = append(list, one)
			}
		}
	}
	slices.SortFunc(list, func(a, b Failure) int { return strings.Compare(b.ID, a.ID) })
	if f.Limit > 0 && len(list) > f.Limit {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

func (f Filter) lets(one Failure) bool {
	search := strings.ToLower(f.Search)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), search) }
	return (f.Before == "" || one.ID < f.Before) && one.Status >= f.Least && (f.Most == 0 || one.Status <= f.Most) &&
		(f.Service == "" || one.Service == f.Service) && (search == "" || has(one.Path) || has(one.Code) || has(one.RequestID))
}
