package admin

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// previewTemplate renders a mail template with made-up values.
func (s *Service) previewTemplate(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in message.Draft
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	out, err := s.d.Messages.Preview(bound.Project, in)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// testTemplate sends a mail template with made-up values to an address, at once.
func (s *Service) testTemplate(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		message.Draft
		To string `json:"to"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if err := s.d.Messages.SendTest(r.Context(), bound, in.Draft, in.To); err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct{}{})
	return nil
}
