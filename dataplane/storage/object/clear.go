package object

import (
	"context"
	_ "embed" // the statements
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
)

//go:embed sql/clear.sql
var clearSQL string

// Clear removes a page of the objects of a bucket that were made by a time, in the order of their names after one. It returns the last of their names,
// how many the caller sees, and how many of them were removed.
func (s *Service) Clear(ctx context.Context, session *projectdb.Session, bucket, after string, before time.Time) (last string, seen, removed int, err error) {
	if err := name.Bucket(bucket); err != nil {
		return "", 0, 0, err
	}
	s.told(ctx, session)
	o, told := s.changing(ctx, session, "storage.bucket.empty")
	err = session.Query(ctx, o, projectdb.Statement{SQL: clearSQL, Args: []any{bucket, after, before, MaxDelete}},
		func(rows pgx.Rows) error {
			for rows.Next() {
				if err := rows.Scan(&last, &seen, &removed); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	if err != nil {
		return "", 0, 0, Refused(err)
	}
	told()
	return last, seen, removed, nil
}
