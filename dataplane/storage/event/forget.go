package event

import (
	"context"
	_ "embed" // the statements
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/made_of.sql
var madeOfSQL string

//go:embed sql/whose.sql
var whoseSQL string

// pageOfVersions is how many versions are looked at at once.
const pageOfVersions = 1000

// forget removes the images that were made of an object, of a bucket's or of all. It goes by the images, of which there are only as many as the project's
// cache takes, not by the objects.
func (s *Service) forget(ctx context.Context, session *projectdb.Session, bucket, name string) error {
	for after := ""; ; {
		var made, whose []string
		err := session.InService(ctx, schema, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, madeOfSQL, after, pageOfVersions)
			if err == nil {
				made, err = pgx.CollectRows(rows, pgx.RowTo[string])
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("find images: %w", err)
		}
		if len(made) == 0 {
			return nil
		}
		after = made[len(made)-1]
		err = session.Query(ctx, projectdb.Options{ReadOnly: true, SearchPath: []string{schema}}, projectdb.Statement{SQL: whoseSQL, Args: []any{made, bucket, name}},
			func(rows pgx.Rows) error {
				whose, err = pgx.CollectRows(rows, pgx.RowTo[string])
				return err
			})
		if err != nil {
			return fmt.Errorf("find what images were made of: %w", err)
		}
		if len(whose) == 0 {
			continue
		}
		if err := s.Renditions.Forget(ctx, session, whose); err != nil {
			return err
		}
	}
}
