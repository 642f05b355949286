package object

import (
	"context"
	_ "embed" // the statements
	"io"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/find.sql
var findSQL string

//go:embed sql/find_public.sql
var findPublicSQL string

//go:embed sql/find_many.sql
var findManySQL string

// Find returns an object that the caller may read. What may not be read is not there.
func (s *Service) Find(ctx context.Context, session *projectdb.Session, bucket, object string) (*Object, error) {
	return s.find(ctx, session, findSQL, "storage.object.get_authenticated", bucket, object)
}

// FindInfo is Find for what tells of an object without its bytes.
func (s *Service) FindInfo(ctx context.Context, session *projectdb.Session, bucket, object string) (*Object, error) {
	return s.find(ctx, session, findSQL, "storage.object.get_authenticated_info", bucket, object)
}

// FindPublic returns an object of a public bucket, whoever asks.
func (s *Service) FindPublic(ctx context.Context, session *projectdb.Session, bucket, object string) (*Object, error) {
	return s.find(ctx, session.Elevated(), findPublicSQL, "storage.object.get_public", bucket, object)
}

// FindFor is Find as what policies see as another operation, such as storage.object.sign.
func (s *Service) FindFor(ctx context.Context, session *projectdb.Session, operation, bucket, object string) (*Object, error) {
	return s.find(ctx, session, findSQL, operation, bucket, object)
}

func (s *Service) find(ctx context.Context, session *projectdb.Session, sql, operation, bucket, object string) (*Object, error) {
	if err := checkNames(bucket, object); err != nil {
		return nil, err
	}
	var out *Object
	err := session.Query(ctx, options(session, operation, false), reading(session, sql, bucket, object), one(&out))
	if err != nil {
		return nil, hidden(err)
	}
	switch {
	case out == nil:
		return nil, noSuchKey(nil)
	case out.read > maxRow: // by the project's owner: it would be held for as long as the file is read
		return nil, fault.New(fault.Invalid, "RESULT_TOO_LARGE", "What is said of the object is larger than %d KiB.", maxRow>>10)
	}
	return out, nil
}

// FindMany returns those of the named objects that the caller may read, in no order and without their user metadata.
func (s *Service) FindMany(ctx context.Context, session *projectdb.Session, operation, bucket string, names []string) ([]Object, error) {
	if err := name.Bucket(bucket); err != nil {
		return nil, err
	}
	var out []Object
	err := session.Query(ctx, options(session, operation, false), reading(session, findManySQL, bucket, names), many(&out))
	return out, hidden(err)
}

// hidden says of a reader without any right on the table what it says of one whom the policies show nothing.
func hidden(err error) error {
	if pg.Code(err) == pgerrcode.InsufficientPrivilege {
		return noSuchKey(err)
	}
	return err
}

func checkNames(bucket, object string) error {
	if err := name.Bucket(bucket); err != nil {
		return err
	}
	return name.Object(object)
}

// one reads at most one row.
func one(out **Object) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		*out = nil
		list, err := pgx.CollectRows(rows, scan)
		if err == nil && len(list) > 0 {
			*out = &list[0]
		}
		return err
	}
}

// many reads rows, as many as can be held.
func many(out *[]Object) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*out, err = pgx.CollectRows(rows, Held(scan))
		return err
	}
}

// removed reads rows that are gone, and cannot be asked for again: what cannot be held is left out of them, but for their names, which the request held too.
func removed(out *[]Object) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		held := 0
		*out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Object, error) {
			o, err := scan(row)
			if held += o.read; held > maxHeld {
				o.Metadata, o.UserMetadata, o.Version, o.OwnerID = Metadata{}, nil, "", ""
			}
			return o, err
		})
		return err
	}
}

var errTooMuch = fault.New(fault.Invalid, "RESULT_TOO_LARGE", "What is said of them is larger than %d MiB. Ask for fewer.", maxHeld>>20)

// Held reads rows up to what a worker can hold for one answer. The project's owner writes to the tables: a row may be of any size, and there may be any number
// of them.
func Held[T any](scan pgx.RowToFunc[T]) pgx.RowToFunc[T] {
	held := 0
	return func(row pgx.CollectableRow) (none T, err error) {
		for _, value := range row.RawValues() {
			held += len(value)
		}
		if held > maxHeld {
			return none, errTooMuch
		}
		return scan(row)
	}
}

// Open reads an object's bytes from an offset to another, both included; to is -1 for the end. Whoever calls it has judged the caller by Find.
func (s *Service) Open(ctx context.Context, session *projectdb.Session, o *Object, from, to int64) (io.ReadCloser, error) {
	return s.blobs.Open(ctx, session.Project, o.Version, o.Metadata.Size, from, to)
}
