// Package upkeep answers what keeps a project's files in order: POST /reconcile, for the service role and the project's developers.
package upkeep

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Reconciler compares rows and bytes; package cleanup does.
type Reconciler interface {
	Reconcile(ctx context.Context, session *projectdb.Session, o cleanup.Options) (*cleanup.Report, error)
}

// Deps are what a Service needs.
type Deps struct {
	Reconciler Reconciler
	// Patience is for how long one request looks, before it answers where to go on. Zero is 15 seconds.
	Patience time.Duration
}

// Service answers requests.
type Service struct {
	reconciler Reconciler
	patience   time.Duration
	// busy are the refs of projects that are looked over now.
	busy sync.Map
}

// New makes a Service.
func New(d Deps) *Service {
	if d.Patience == 0 {
		d.Patience = 15 * time.Second
	}
	return &Service{reconciler: d.Reconciler, patience: d.Patience}
}

// Routes adds what it answers.
func (s *Service) Routes(rt *protocol.Router) { rt.Handle(http.MethodPost, "/reconcile", s.reconcile) }

// reconcileBody is what a request asks for.
type reconcileBody struct {
	// DryRun is true unless it is said to be false.
	DryRun *bool `json:"dry_run"`
	// DropRows removes the rows of files whose bytes are gone.
	DropRows bool `json:"drop_rows"`
	// Cursor is the answer's next of the request before.
	Cursor string `json:"cursor"`
}

func (s *Service) reconcile(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	if session.Caller.Role != "service_role" {
		return fault.New(fault.Denied, "ACCESS_DENIED", "Only the service role and the project's developers may reconcile its files.")
	}
	var body reconcileBody
	if r.ContentLength != 0 {
		if err := protocol.Decode(w, r, &body); err != nil {
			return err
		}
	}
	if _, busy := s.busy.LoadOrStore(session.Project.Ref, true); busy {
		return &fault.Error{Kind: fault.Exhausted, Reason: "SLOW_DOWN", RetryAfter: s.patience, Message: "The project's files are being reconciled already. Try again when that is done."}
	}
	defer s.busy.Delete(session.Project.Ref)
	dry := body.DryRun == nil || *body.DryRun
	if dry && body.DropRows {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "drop_rows changes the table: send dry_run as false with it.")
	}
	report, err := s.reconciler.Reconcile(r.Context(), session, cleanup.Options{Repair: !dry, DropRows: body.DropRows, Cursor: body.Cursor, Patience: s.patience})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, report)
	return nil
}
