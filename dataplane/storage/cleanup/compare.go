package cleanup

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/range_blobs.sql
var rangeBlobsSQL string

//go:embed sql/range_objects.sql
var rangeObjectsSQL string

//go:embed sql/without_blob.sql
var withoutBlobSQL string

//go:embed sql/kept_blobs.sql
var keptBlobsSQL string

//go:embed sql/unused_blobs.sql
var unusedBlobsSQL string

//go:embed sql/note_removals.sql
var noteRemovalsSQL string

//go:embed sql/adopt.sql
var adoptSQL string

//go:embed sql/correct_sizes.sql
var correctSizesSQL string

//go:embed sql/drop_rows.sql
var dropRowsSQL string

// counted is a row of blobs.
type counted struct {
	Version  string
	Size     int64
	Created  time.Time
	Removing bool
}

// named is a version that objects have, with one of them.
type named struct {
	Version, Bucket, Name string
}

func (n named) String() string { return n.Bucket + "/" + n.Name }

// stretch is what both sides have of a range of versions.
type stretch struct {
	listed  time.Time // when the bucket was asked, which comes first
	empty   bool      // the bucket holds nothing at all from here to its end, nor before
	keys    map[string]stored
	blobs   map[string]counted
	objects map[string]named
}

func versionOf(key string) (string, bool) {
	v, ok := strings.CutPrefix(key, blob.Prefix)
	return v, ok && blob.Valid(v)
}

// objects compares a page of the bucket with what is counted and what objects have between its keys.
func (l *look) objects(ctx context.Context, at position) (position, error) {
	st, upto, err := l.stretch(ctx, at.After)
	if err != nil {
		return at, err
	}
	checks := []func(context.Context, stretch) error{l.bytesWithoutBlob, l.blobsWithoutBytes, l.unused, l.sizes, l.objectsWithoutBlob}
	if l.blind {
		checks = []func(context.Context, stretch) error{l.bytesWithoutBlob, l.sizes}
	}
	for _, check := range checks {
		if err := check(ctx, st); err != nil {
			return at, err
		}
	}
	if upto == "" {
		return position{Phase: phaseRenditions}, nil
	}
	return position{Phase: phaseObjects, After: upto}, nil
}

// stretch reads the range after a version up to where all three sides were read; "" is the end.
func (l *look) stretch(ctx context.Context, after string) (st stretch, upto string, err error) {
	st = stretch{listed: time.Now(), keys: map[string]stored{}, blobs: map[string]counted{}, objects: map[string]named{}}
	keys, err := l.list(ctx, l.session, blob.Prefix, blob.Prefix+after)
	if err != nil {
		return st, "", err
	}
	st.empty = after == "" && len(keys.keys) == 0
	if !keys.last {
		upto = strings.TrimPrefix(keys.keys[len(keys.keys)-1].key, blob.Prefix)
	}
	blobs, full, err := page(ctx, l, rangeBlobsSQL, after, upto, pgx.RowToStructByPos[counted])
	if err != nil {
		return st, "", fmt.Errorf("read what is counted: %w", err)
	}
	if full {
		upto = blobs[len(blobs)-1].Version
	}
	objects, err := l.named(ctx, after, upto)
	if err != nil {
		return st, "", fmt.Errorf("read which versions objects have: %w", err)
	}
	if len(objects) == 2*l.Page {
		upto = objects[len(objects)-1].Version
	}
	within := func(version string) bool { return upto == "" || version <= upto }
	for _, k := range keys.keys {
		version := strings.TrimPrefix(k.key, blob.Prefix)
		if !within(version) {
			break
		}
		l.report.Checked.Keys++
		l.report.Checked.Bytes += k.size
		if !blob.Valid(version) {
			l.report.found(UnknownKeys, k.size, k.key)
			continue
		}
		st.keys[version] = k
	}
	for _, b := range blobs {
		if within(b.Version) {
			st.blobs[b.Version] = b
			l.report.Checked.Blobs++
		}
	}
	for _, o := range objects {
		if within(o.Version) {
			st.objects[o.Version] = o
			l.report.Checked.Versions++
		}
	}
	return st, upto, nil
}

// named reads which versions after one and up to another objects have.
func (l *look) named(ctx context.Context, after, upto string) (objects []named, err error) {
	if l.blind {
		return nil, nil
	}
	err = elevated(ctx, l.session, rangeObjectsSQL, []any{after, upto, 2 * l.Page}, func(rows pgx.Rows) (err error) {
		objects, err = pgx.CollectRows(rows, pgx.RowToStructByPos[named])
		return err
	})
	return objects, err
}

// bytesWithoutBlob finds bytes that nobody can come to have, and those that an object has though they are not counted.
func (l *look) bytesWithoutBlob(ctx context.Context, st stretch) error {
	candidates := without(st.keys, st.blobs)
	strays, err := l.about(ctx, straysSQL, candidates)
	if err != nil {
		return err
	}
	candidates = slices.DeleteFunc(candidates, func(v string) bool { return !strays[v] })
	var used map[string]bool
	if !l.blind {
		if used, err = l.inUse(ctx, l.session, candidates); err != nil {
			return err
		}
	}
	var adopted []string
	var sizes []int64
	for _, v := range candidates {
		if used[v] || l.blind {
			l.report.found(UncountedBytes, st.keys[v].size, st.example(v))
			adopted, sizes = append(adopted, v), append(sizes, st.keys[v].size)
		} else {
			l.report.found(StrayBytes, st.keys[v].size, v)
		}
	}
	if !l.o.Repair {
		return nil
	}
	if len(adopted) > 0 {
		if err := l.exec(ctx, l.session, adoptSQL, adopted, sizes); err != nil {
			return fmt.Errorf("count bytes: %w", err)
		}
		l.report.repaired(UncountedBytes, len(adopted))
	}
	if len(candidates) == len(adopted) {
		return nil
	}
	removed, err := l.removeStrays(ctx, l.session, candidates) // asks once more
	if err == nil {
		l.report.repaired(StrayBytes, len(removed))
	}
	return err
}

// blobsWithoutBytes finds what is counted and is not in the bucket.
func (l *look) blobsWithoutBytes(ctx context.Context, st stretch) error {
	candidates := slices.DeleteFunc(without(st.blobs, st.keys), func(v string) bool { return st.blobs[v].Removing })
	if len(candidates) == 0 {
		return nil
	}
	since := map[string]time.Time{}
	err := l.session.InService(ctx, schema, func(tx pgx.Tx) error {
		clear(since)
		rows, err := tx.Query(ctx, keptBlobsSQL, candidates)
		if err != nil {
			return err
		}
		var version string
		var created time.Time
		_, err = pgx.ForEachRow(rows, []any{&version, &created}, func() error { since[version] = created; return nil })
		return err
	})
	if err != nil {
		return err
	}
	used, err := l.inUse(ctx, l.session, candidates)
	if err != nil {
		return err
	}
	var gone []string
	for _, v := range candidates {
		created, kept := since[v]
		if !kept || !used[v] {
			continue // removed meanwhile, or about to be
		}
		// What was stored since the bucket was listed, or about then, is not in the list; and before rows are dropped there is no doubt.
		if l.o.DropRows || st.listed.Sub(created) < 10*time.Minute {
			there, err := l.exists(ctx, v)
			if err != nil {
				return err
			}
			if there {
				continue
			}
		}
		l.report.found(MissingBytes, st.blobs[v].Size, st.example(v))
		gone = append(gone, v)
	}
	return l.dropRows(ctx, st, gone)
}

// dropRows removes the rows of versions without bytes, when that was asked for.
func (l *look) dropRows(ctx context.Context, st stretch, versions []string) error {
	if !l.o.DropRows || len(versions) == 0 {
		return nil
	}
	if st.empty {
		return fault.New(fault.FailedPrecondition, "BUCKET_EMPTY",
			"The bucket holds no files at all, so no rows are dropped: make sure that it is the right bucket of the right object store, or delete the rows yourself.")
	}
	if err := l.drop(ctx, dropRowsSQL, versions); err != nil {
		return err
	}
	l.report.repaired(MissingBytes, len(versions))
	return nil
}

// unused finds what is counted though no object has it and nothing is going to remove it.
func (l *look) unused(ctx context.Context, st stretch) error {
	candidates := slices.DeleteFunc(without(st.blobs, st.objects), func(v string) bool { return st.blobs[v].Removing })
	used, err := l.inUse(ctx, l.session, candidates)
	if err != nil {
		return err
	}
	candidates = slices.DeleteFunc(candidates, func(v string) bool { return used[v] })
	forgotten, err := l.about(ctx, unusedBlobsSQL, candidates) // after: who took the last object away noted it
	if err != nil {
		return err
	}
	candidates = slices.DeleteFunc(candidates, func(v string) bool { return !forgotten[v] })
	for _, v := range candidates {
		l.report.found(UnusedBlobs, st.blobs[v].Size, v)
	}
	if !l.o.Repair || len(candidates) == 0 {
		return nil
	}
	if err := l.exec(ctx, l.session, noteRemovalsSQL, candidates); err != nil {
		return fmt.Errorf("note bytes for removal: %w", err)
	}
	l.remove = true
	l.report.repaired(UnusedBlobs, len(candidates))
	return nil
}

// sizes compares sizes, which never change.
func (l *look) sizes(ctx context.Context, st stretch) error {
	var versions []string
	var sizes []int64
	for v, k := range st.keys {
		if b, ok := st.blobs[v]; ok && b.Size != k.size {
			l.report.found(WrongSize, k.size-b.Size, fmt.Sprintf("%s: %d bytes, not %d", st.example(v), k.size, b.Size))
			versions, sizes = append(versions, v), append(sizes, k.size)
		}
	}
	if !l.o.Repair || len(versions) == 0 {
		return nil
	}
	if err := l.exec(ctx, l.session, correctSizesSQL, versions, sizes); err != nil {
		return fmt.Errorf("correct sizes: %w", err)
	}
	l.report.repaired(WrongSize, len(versions))
	return nil
}

// objectsWithoutBlob finds objects that have neither bytes nor a count of them.
func (l *look) objectsWithoutBlob(ctx context.Context, st stretch) error {
	candidates := slices.DeleteFunc(without(st.objects, st.blobs), func(v string) bool { _, ok := st.keys[v]; return ok })
	used, err := l.inUse(ctx, l.session, candidates)
	if err != nil {
		return err
	}
	candidates = slices.DeleteFunc(candidates, func(v string) bool { return !used[v] })
	uncounted, err := l.about(ctx, withoutBlobSQL, candidates)
	if err != nil {
		return err
	}
	var gone []string
	for _, v := range candidates {
		if !uncounted[v] {
			continue
		}
		if there, err := l.exists(ctx, v); err != nil || there {
			if err != nil {
				return err
			}
			continue
		}
		l.report.found(MissingBytes, 0, st.example(v))
		gone = append(gone, v)
	}
	return l.dropRows(ctx, st, gone)
}

// example names a version by one of its objects.
func (st stretch) example(version string) string {
	if o, ok := st.objects[version]; ok {
		return o.String()
	}
	return version
}

// without lists, in order, what one side has and the other has not.
func without[A, B any](these map[string]A, those map[string]B) (out []string) {
	for v := range these {
		if _, ok := those[v]; !ok {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}
