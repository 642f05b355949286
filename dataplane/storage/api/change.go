package api

import (
	"encoding/json"
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func (s *service) metadata(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	bucket, name := address(r)
	o, err := s.Objects.FindInfo(r.Context(), session, bucket, name)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, tellObject(o))
	return nil
}

// edit is what can be changed of a file. What is not named stays as it is.
type edit struct {
	MimeType           *string                `json:"mime_type"`
	CacheControl       *string                `json:"cache_control"`
	ContentDisposition *string                `json:"content_disposition"`
	Metadata           given[json.RawMessage] `json:"metadata"`
}

func (s *service) changeMetadata(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	bucket, name := address(r)
	var in edit
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if in.MimeType == nil && in.CacheControl == nil && in.ContentDisposition == nil && !in.Metadata.set {
		return fault.New(fault.Invalid, "MISSING_PARAMETER", "Name what to change: mime_type, cache_control, content_disposition or metadata.")
	}
	change := object.Edit{MimeType: in.MimeType, CacheControl: in.CacheControl, ContentDisposition: in.ContentDisposition}
	if in.Metadata.set {
		if string(in.Metadata.value) == "null" {
			in.Metadata.value = nil
		}
		change.UserMetadata = &in.Metadata.value
	}
	o, err := s.Objects.SetMetadata(r.Context(), session, bucket, name, change)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, tellObject(o))
	return nil
}

// place names a file.
type place struct {
	Bucket string `json:"bucket"`
	Name   string `json:"name"`
}

// transfer is what is copied or moved where. The bucket of To is From's when it is left out.
type transfer struct {
	From   place `json:"from"`
	To     place `json:"to"`
	Upsert bool  `json:"upsert"`
}

func decodeTransfer(w http.ResponseWriter, r *http.Request) (in transfer, err error) {
	if err := decode(w, r, &in); err != nil {
		return in, err
	}
	if in.To.Bucket == "" {
		in.To.Bucket = in.From.Bucket
	}
	for field, value := range map[string]string{"from.bucket": in.From.Bucket, "from.name": in.From.Name, "to.name": in.To.Name} {
		if value == "" {
			return in, fault.New(fault.Invalid, "MISSING_PARAMETER", "Name the files by from.bucket, from.name and to.name: %s is empty.", field)
		}
	}
	return in, nil
}

func (s *service) copy(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	in, err := decodeTransfer(w, r)
	if err != nil {
		return err
	}
	o, err := s.Objects.Copy(r.Context(), session, object.Copy{
		Bucket: in.From.Bucket, Name: in.From.Name, ToBucket: in.To.Bucket, ToName: in.To.Name, Upsert: in.Upsert,
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusCreated, tellObject(o))
	return nil
}

func (s *service) move(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	in, err := decodeTransfer(w, r)
	if err != nil {
		return err
	}
	if in.Upsert {
		return fault.New(fault.Invalid, "INVALID_PARAMETER", "A move replaces nothing: leave upsert out.")
	}
	o, err := s.Objects.Move(r.Context(), session, object.Move{Bucket: in.From.Bucket, Name: in.From.Name, ToBucket: in.To.Bucket, ToName: in.To.Name})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, tellObject(o))
	return nil
}
