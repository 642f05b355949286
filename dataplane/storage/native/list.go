package native

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
)

// sorting is how a listing is to be sorted.
type sorting struct {
	Column string `json:"column"`
	Order  string `json:"order"`
}

// row is an object or a folder of a listing: of a folder, all but the name is null.
type row struct {
	Name         string           `json:"name"`
	ID           *string          `json:"id"`
	Updated      *stamp           `json:"updated_at"`
	Created      *stamp           `json:"created_at"`
	LastAccessed *stamp           `json:"last_accessed_at"`
	Metadata     *object.Metadata `json:"metadata"`
}

func rowOf(o *object.Object, name string) row {
	id, updated, created, accessed := o.ID.String(), stamp(o.Updated), stamp(o.Created), stamp(o.LastAccessed)
	return row{name, &id, &updated, &created, &accessed, &o.Metadata}
}

const defaultList = 100

// list answers with what is in a folder, by its own names.
func (s *Service) list(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in struct {
		Prefix string  `json:"prefix"`
		Search string  `json:"search"`
		Limit  *int    `json:"limit"`
		Offset int     `json:"offset"`
		SortBy sorting `json:"sortBy"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	q := object.ListQuery{
		Bucket: r.PathValue("bucket"), Prefix: strings.TrimLeft(in.Prefix, "/"), Delimiter: "/", Search: in.Search, Limit: defaultList, Offset: in.Offset,
		SortBy: in.SortBy.Column, Operation: "storage.object.list", Whole: true,
	}
	if q.Prefix != "" && !strings.HasSuffix(q.Prefix, "/") {
		q.Prefix += "/"
	}
	if in.Limit != nil {
		q.Limit = *in.Limit
	}
	var err error
	if q.Descending, err = descending(in.SortBy.Order); err != nil {
		return err
	}
	page, err := s.Objects.List(r.Context(), session, q)
	if err != nil {
		return err
	}
	out := make([]row, len(page.Entries))
	for i, e := range page.Entries {
		name := strings.TrimPrefix(e.Name(), q.Prefix)
		if e.Object == nil {
			out[i] = row{Name: strings.TrimSuffix(name, "/")}
		} else {
			out[i] = rowOf(e.Object, name)
		}
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// keyed is a row of the second kind of listing, whose names are whole.
type keyed struct {
	row
	Key string `json:"key"`
}

type folder struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

type listing struct {
	HasNext    bool     `json:"hasNext"`
	Folders    []folder `json:"folders"`
	Objects    []keyed  `json:"objects"`
	NextCursor string   `json:"nextCursor,omitempty"`
}

const defaultListV2 = 1000

// listV2 answers with what begins with a prefix, page by page.
func (s *Service) listV2(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in struct {
		Prefix        string  `json:"prefix"`
		Limit         *int    `json:"limit"`
		Cursor        string  `json:"cursor"`
		WithDelimiter bool    `json:"with_delimiter"`
		SortBy        sorting `json:"sortBy"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	q := object.ListQuery{
		Bucket: r.PathValue("bucket"), Prefix: in.Prefix, Cursor: in.Cursor, Limit: defaultListV2, SortBy: in.SortBy.Column, Operation: "storage.object.list_v2",
	}
	if in.Limit != nil {
		q.Limit = min(*in.Limit, defaultListV2)
	}
	if in.WithDelimiter {
		q.Delimiter = "/"
	}
	var err error
	if q.Descending, err = descending(in.SortBy.Order); err != nil {
		return err
	}
	page, err := s.Objects.List(r.Context(), session, q)
	if err != nil {
		return err
	}
	out := listing{HasNext: page.Next != "", NextCursor: page.Next, Folders: []folder{}, Objects: []keyed{}}
	for _, e := range page.Entries {
		if e.Object == nil {
			out.Folders = append(out.Folders, folder{e.Folder, strings.TrimSuffix(e.Folder, "/")})
		} else {
			out.Objects = append(out.Objects, keyed{rowOf(e.Object, e.Object.Name), e.Object.Name})
		}
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// objectBody is a whole row of storage.objects.
type objectBody struct {
	row
	Bucket       string          `json:"bucket_id"`
	Owner        string          `json:"owner"`
	OwnerID      string          `json:"owner_id"`
	Version      string          `json:"version"`
	UserMetadata json.RawMessage `json:"user_metadata"`
}

func objectOf(o *object.Object) objectBody {
	return objectBody{rowOf(o, o.Name), o.Bucket, o.OwnerID, o.OwnerID, o.Version, o.UserMetadata}
}
