package organization

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/mail"
)

// QueueControl is the River queue of the control plane's small jobs.
const QueueControl = "control"

// InvitationMailArgs asks to mail an invitation. The token is sealed: jobs stay in the database for days.
type InvitationMailArgs struct {
	InvitationID uuid.UUID `json:"invitation_id"`
	SealedToken  []byte    `json:"sealed_token"`
}

// Kind names the job.
func (InvitationMailArgs) Kind() string { return "invitation_mail" }

// InvitationMailer is the River worker that mails invitations.
type InvitationMailer struct {
	river.WorkerDefaults[InvitationMailArgs]
	Service *Service
	Mail    mail.Sender
}

// Work mails an invitation, unless it is no longer open.
func (w *InvitationMailer) Work(ctx context.Context, job *river.Job[InvitationMailArgs]) error {
	s := w.Service
	row, err := store.New(s.Pool).InvitationMail(ctx, job.Args.InvitationID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read invitation: %w", err)
	}
	if row.Invitation.AcceptedAt != nil || row.Invitation.RevokedAt != nil || !s.Now().Before(row.Invitation.ExpiresAt) {
		return nil
	}
	value, err := s.Sealer.Open(job.Args.SealedToken, mailContext(row.Invitation.ID))
	if err != nil {
		return river.JobCancel(err)
	}
	text := fmt.Sprintf("%s invites you to the organisation %s as %s.\n\nAccept the invitation here:\n%s\n\nIt is valid until %s. If you expected no invitation, do nothing.\n",
		orSomeone(row.Inviter), row.Organization, row.Invitation.Role, s.acceptURL(string(value)), row.Invitation.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC"))
	err = w.Mail.Send(ctx, mail.Message{To: []string{row.Invitation.Email}, Subject: "Invitation to " + row.Organization, Text: text})
	if f := fault.From(err); f != nil && (f.Kind == fault.FailedPrecondition || f.Kind == fault.Invalid) {
		return river.JobCancel(err) // no later try can succeed; the link in the console still works
	}
	return err
}

func orSomeone(email string) string {
	if email == "" {
		return "Someone"
	}
	return email
}
