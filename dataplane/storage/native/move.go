package native

import (
	"encoding/json"
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
)

// transfer names a file and where it goes.
type transfer struct {
	Bucket            string `json:"bucketId"`
	SourceKey         string `json:"sourceKey"`
	DestinationBucket string `json:"destinationBucket"`
	DestinationKey    string `json:"destinationKey"`
}

func (t *transfer) check() error {
	for _, named := range []struct{ name, value string }{{"bucketId", t.Bucket}, {"sourceKey", t.SourceKey}, {"destinationKey", t.DestinationKey}} {
		if named.value == "" {
			return protocol.ErrMissing(named.name)
		}
	}
	if t.DestinationBucket == "" {
		t.DestinationBucket = t.Bucket
	}
	return nil
}

type copied struct {
	ID  string `json:"Id"`
	Key string `json:"Key"`
	objectBody
}

func (s *Service) copy(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in struct {
		transfer
		Metadata *struct {
			CacheControl string `json:"cacheControl"`
			MimeType     string `json:"mimetype"`
		} `json:"metadata"`
		CopyMetadata *bool `json:"copyMetadata"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	c := object.Copy{
		Bucket: in.Bucket, Name: in.SourceKey, ToBucket: in.DestinationBucket, ToName: in.DestinationKey, Upsert: r.Header.Get("X-Upsert") == "true",
		Operation: "storage.object.copy",
	}
	user, err := metadataHeader(r)
	if err != nil {
		return err
	}
	anew := in.CopyMetadata != nil && !*in.CopyMetadata
	if anew || user != nil || in.Metadata != nil {
		from, err := s.Objects.FindFor(r.Context(), session, c.Operation, c.Bucket, c.Name)
		if err != nil {
			return err
		}
		c.Replace = replacement(from, user, anew)
		if in.Metadata != nil && in.Metadata.CacheControl != "" {
			c.Replace.CacheControl = in.Metadata.CacheControl
		}
		if in.Metadata != nil && in.Metadata.MimeType != "" {
			c.Replace.MimeType = in.Metadata.MimeType
		}
	}
	o, err := s.Objects.Copy(r.Context(), session, c)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, copied{o.ID.String(), o.Bucket + "/" + o.Name, objectOf(o)})
	return nil
}

// replacement is what a copy says of itself: what the original says, but for what users said of it, which is what the request says of the copy.
func replacement(from *object.Object, user json.RawMessage, anew bool) *object.Target {
	m := from.Metadata
	t := &object.Target{
		MimeType: m.MimeType, CacheControl: m.CacheControl, ContentEncoding: m.ContentEncoding, ContentDisposition: m.ContentDisposition,
		ContentLanguage: m.ContentLanguage, Expires: m.Expires, Tags: m.Tags, UserMetadata: from.UserMetadata,
	}
	if anew || user != nil {
		t.UserMetadata = user
	}
	return t
}

func (s *Service) move(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in transfer
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	o, err := s.Objects.Move(r.Context(), session, object.Move{Bucket: in.Bucket, Name: in.SourceKey, ToBucket: in.DestinationBucket, ToName: in.DestinationKey})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct {
		told
		ID  string `json:"Id"`
		Key string `json:"Key"`
	}{told{"Successfully moved"}, o.ID.String(), o.Name})
	return nil
}

func (s *Service) deleteOne(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	gone, err := s.Objects.Delete(r.Context(), session, r.PathValue("bucket"), []string{r.PathValue(protocol.Rest)})
	if err != nil {
		return err
	}
	if len(gone) == 0 {
		return protocol.ErrNoSuchKey
	}
	return done(w, "Successfully deleted")
}

// deleteMany removes those of the named files that the caller may remove, and answers with them.
func (s *Service) deleteMany(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in struct {
		Prefixes []string `json:"prefixes"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if len(in.Prefixes) == 0 {
		return protocol.ErrMissing("prefixes")
	}
	gone, err := s.Objects.Delete(r.Context(), session, r.PathValue("bucket"), in.Prefixes)
	if err != nil {
		return err
	}
	out := make([]objectBody, len(gone))
	for i := range gone {
		out[i] = objectOf(&gone[i])
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}
