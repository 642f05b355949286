package rpc

import (
	"context"

	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
	"github.com/wayli-app/fluxbase/internal/mail"
)

type inboxService struct{ *server }

var _ controlplanev1connect.InboxServiceHandler = inboxService{}

// ListMessages lists the mail that is kept instead of sent.
func (s inboxService) ListMessages(_ context.Context, req *v1.ListMessagesRequest) (*v1.ListMessagesResponse, error) {
	rows, next, err := page(s.pages, req, []any{"messages"},
		func(limit int, after cursor) ([]mail.Received, error) {
			return following(s.Inbox.List(), func(m mail.Received) string { return m.ID }, after.Key, limit), nil
		},
		func(m mail.Received) cursor { return cursor{Key: m.ID} })
	if err != nil {
		return nil, err
	}
	return &v1.ListMessagesResponse{Messages: each(rows, mailMessage), NextPageToken: next}, nil
}

func mailMessage(m mail.Received) *v1.Message {
	return &v1.Message{Id: m.ID, From: m.From, To: m.To, Subject: m.Subject, Text: m.Text, CreateTime: stamp(m.Time), ProjectRef: m.Project}
}
