package imaging

import (
	"context"
	_ "embed" // the statement
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/avif.sql
var avifSQL string

// bucketRule is what a worker remembers of a bucket.
type bucketRule struct {
	avif  bool
	until time.Time
}

// ruleFor is how long it is remembered: it decides over a format, and over nothing that is anybody's secret.
const ruleFor = time.Minute

type bucketRules struct {
	known *lru.Cache[string, bucketRule]
}

func newBucketRules() (*bucketRules, error) {
	known, err := lru.New[string, bucketRule](10_000)
	return &bucketRules{known}, err
}

// AVIF tells whether a bucket's images are given as AVIF to those who show it.
func (s *Service) AVIF(ctx context.Context, session *projectdb.Session, bucket string) (bool, error) {
	id := session.Project.Ref + "/" + bucket
	if rule, ok := s.rules.known.Get(id); ok && time.Now().Before(rule.until) {
		return rule.avif, nil
	}
	rule := bucketRule{until: time.Now().Add(ruleFor)}
	statement := projectdb.Statement{SQL: avifSQL, Args: []any{bucket}}
	err := session.Elevated().Query(ctx, projectdb.Options{ReadOnly: true, SearchPath: []string{"storage"}}, statement, func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[bool])
		rule.avif = len(found) > 0 && found[0]
		return err
	})
	if err != nil {
		return false, err
	}
	s.rules.known.Add(id, rule)
	return rule.avif, nil
}
