package store

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/setting"
)

//go:embed sql/insert_audit.sql
var insertAudit string

// Event is something that happened to a user, in GoTrue's words.
type Event struct {
	// Action is for example "login", "logout", "token_refreshed", "user_signedup", "user_modified", "factor_in_progress".
	Action string
	// Actor did it: a user, or when nil the service role or a developer of the project.
	Actor *User
	// Developer is the account that did it, when there is no user; "" for the service role.
	Developer string
	Address   *netip.Addr
	// Traits are details, without secrets.
	Traits map[string]any
}

// kinds groups actions as GoTrue does.
var kinds = map[string][]string{
	"account": {"login", "logout", "invite_accepted", "user_signedup", "user_invited", "user_deleted", "user_modified", "user_recovery_requested",
		"user_reauthenticate_requested", "user_confirmation_requested", "user_repeated_signup", "user_updated_password", "identity_unlinked"},
	"token": {"token_revoked", "token_refreshed"},
	"factor": {"generate_recovery_codes", "factor_in_progress", "factor_unenrolled", "challenge_created", "verification_attempted", "factor_deleted",
		"factor_updated", "mfa_code_login", "recovery_codes_deleted"},
	"user": {"user_signedup", "user_modified"},
}

// Audit records an event in the transaction, unless the project keeps no log. It costs no wait: when the transaction is a batch's, use
// QueueAudit.
func Audit(ctx context.Context, tx pgx.Tx, p *directory.Project, e Event) error {
	var batch pgx.Batch
	if !QueueAudit(&batch, p, e) {
		return nil
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// AuditAlways records an event also where the project keeps no log.
func AuditAlways(ctx context.Context, tx pgx.Tx, e Event) error {
	var batch pgx.Batch
	queueAudit(&batch, e)
	return tx.SendBatch(ctx, &batch).Close()
}

// QueueAudit adds the statement that records an event, and reports whether there was one to add.
func QueueAudit(batch *pgx.Batch, p *directory.Project, e Event) bool {
	if !setting.Get[bool](p.Settings, "auth.audit_log") {
		return false
	}
	queueAudit(batch, e)
	return true
}

func queueAudit(batch *pgx.Batch, e Event) {
	payload := map[string]any{"action": e.Action, "log_type": kind(e.Action), "timestamp": time.Now().UTC().Format(time.RFC3339)}
	switch {
	case e.Actor != nil:
		payload["actor_id"] = e.Actor.ID
		payload["actor_username"] = first(e.Actor.Email, e.Actor.Phone)
		payload["actor_via_sso"] = e.Actor.SSO
	case e.Developer != "":
		payload["actor_id"] = e.Developer
		payload["actor_username"] = "developer"
		payload["actor_via_sso"] = false
	default:
		payload["actor_id"] = uuid.Nil
		payload["actor_username"] = "service_role"
		payload["actor_via_sso"] = false
	}
	if len(e.Traits) > 0 {
		payload["traits"] = e.Traits
	}
	address := ""
	if e.Address != nil {
		address = e.Address.String()
	}
	encoded, err := json.Marshal(payload)
	if err != nil { // details are strings, numbers and lists of them
		encoded = []byte(`{}`)
	}
	batch.Queue(insertAudit, uuid.New(), encoded, address)
}

func kind(action string) string {
	for _, name := range []string{"token", "factor", "account", "user"} {
		if slices.Contains(kinds[name], action) {
			return name
		}
	}
	return "account"
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
