package event

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// events is the payload of an item of kind "event".
type events struct {
	// Next is the item that follows, of a statement that changed more than one item holds.
	Next   uuid.UUID         `json:"next,omitzero"`
	Events []json.RawMessage `json:"events"`
}

// purges is the payload of an item of kind "purge".
type purges struct {
	Next   uuid.UUID `json:"next,omitzero"`
	Purges []purge   `json:"purges"`
}

// message is what is sent, in the form that Standard Webhooks advises.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

type eventData struct {
	Project string            `json:"project"`
	Events  []json.RawMessage `json:"events"`
}

type purgeData struct {
	Project string `json:"project"`
	// URL is what paths are relative to.
	URL    string      `json:"url"`
	Purges []forgotten `json:"purges"`
}

// forgotten are addresses that a cache is to forget, whatever their query: Paths themselves, and all that begins with one of Prefixes.
type forgotten struct {
	purge
	Paths    []string `json:"paths,omitempty"`
	Prefixes []string `json:"prefixes,omitempty"`
}

// Handle delivers one item of the outbox.
func (s *Service) Handle(ctx context.Context, session *projectdb.Session, item outbox.Item) error {
	switch item.Kind {
	case KindEvent:
		var p events
		if err := json.Unmarshal(item.Payload, &p); err != nil {
			return unreadable(err)
		}
		s.follow(session, p.Next)
		return s.deliver(ctx, session, "storage.webhook", item, message{"storage.objects.changed", item.Created, eventData{session.Project.Ref, p.Events}})
	case KindPurge:
		var p purges
		if err := json.Unmarshal(item.Payload, &p); err != nil {
			return unreadable(err)
		}
		s.follow(session, p.Next)
		data := purgeData{session.Project.Ref, session.Project.URL, make([]forgotten, len(p.Purges))}
		for i, each := range p.Purges {
			data.Purges[i] = each.addresses()
		}
		return s.deliver(ctx, session, "storage.cdn_purge", item, message{"storage.cache.purged", item.Created, data})
	}
	return outbox.Retry(nil, "This server does not know items of this kind yet.")
}

func unreadable(err error) error { return outbox.Refuse(err, "The item cannot be read.") }

func (s *Service) follow(session *projectdb.Session, next uuid.UUID) {
	if next != uuid.Nil {
		s.Queue.Deliver(session.Project.Ref, schema, next)
	}
}

// The paths of a public object, of images made of it, and below /api/v1.
const (
	original = "/storage/v1/object/public/"
	made     = "/storage/v1/render/image/public/"
	byAPI    = "/api/v1/storage/public/"
)

func (p purge) addresses() forgotten {
	where := []string{original, byAPI, made}
	if p.Transformations {
		where = where[2:]
	}
	out := forgotten{purge: p}
	for _, prefix := range where {
		bucket := prefix + url.PathEscape(p.Bucket) + "/"
		switch {
		case p.Bucket == "":
			out.Prefixes = append(out.Prefixes, prefix)
		case p.Name == "":
			out.Prefixes = append(out.Prefixes, bucket)
		default:
			out.Paths = append(out.Paths, bucket+escape(p.Name))
		}
	}
	return out
}

// escape writes an object's name as the end of a path.
func escape(name string) string {
	segments := strings.Split(name, "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return strings.Join(segments, "/")
}

// deliver posts a message to the address of the settings that begin with prefix. Its id is the item's, whatever try it is.
func (s *Service) deliver(ctx context.Context, session *projectdb.Session, prefix string, item outbox.Item, m message) error {
	address := setting.Get[string](session.Project.Settings, prefix+"_url")
	if address == "" {
		return nil // nobody wants to know any more
	}
	if err := s.Egress.CheckURL(address); err != nil {
		return outbox.Retry(err, prefix+"_url is no https address.")
	}
	body, err := json.Marshal(m)
	if err != nil {
		return unreadable(err)
	}
	where := session.Project.Ref + " " + address
	if !s.breaker.allows(where) {
		return outbox.Retry(nil, prefix+"_url has not answered for a while; it is tried again.")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return outbox.Retry(err, prefix+"_url is no https address.")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Fluxbase-Storage")
	if secret := setting.Get[string](session.Project.Settings, prefix+"_secret"); secret != "" {
		if err := egress.Sign(r.Header, secret, "msg_"+item.ID.String(), time.Now(), body); err != nil {
			return outbox.Retry(err, prefix+"_secret is none of Standard Webhooks: it must be v1,whsec_ and base64.")
		}
	} else {
		r.Header.Set("Webhook-Id", "msg_"+item.ID.String())
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.breaker.failed(where)
		return outbox.Retry(err, prefix+"_url "+unreached(err))
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
	if answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusTooManyRequests {
		s.breaker.failed(where)
	} else {
		s.breaker.answered(where)
	}
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300:
		return nil
	case answer.StatusCode == http.StatusGone:
		return outbox.Refuse(nil, prefix+"_url answered with status 410: it wants to know no more.")
	}
	return outbox.Retry(nil, fmt.Sprintf("%s_url answered with status %d.", prefix, answer.StatusCode))
}

func unreached(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, egress.ErrForbidden):
		return "is not on the public internet."
	case errors.As(err, &timeout) && timeout.Timeout():
		return "did not answer in time."
	}
	return "could not be reached."
}
