package admin

import (
	_ "embed" // the statements
	"encoding/json"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/audit_page.sql
var auditPage string

//go:embed sql/audit_count.sql
var auditCount string

// auditScopes are what a query "scope:text" looks at.
var auditScopes = map[string][]string{
	"author": {"actor_username", "actor_name"},
	"action": {"action"},
	"type":   {"log_type"},
}

var everyAuditKey = []string{"actor_username", "actor_id", "action", "log_type", "traits"}

// audit lists what happened, newest first: all of it, what a filter is part of, or what a query such as author:ada@example.com finds.
func (s *Service) audit(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	part, err := protocol.PageOf(r)
	if err != nil {
		return err
	}
	values := r.URL.Query()
	keys := everyAuditKey
	text, err := plainText(values, "filter")
	if err != nil {
		return err
	}
	if query := values.Get("query"); query != "" {
		if text, err = plainText(values, "query"); err != nil {
			return err
		}
		scope, rest, ok := strings.Cut(text, ":")
		if keys = auditScopes[scope]; !ok || keys == nil || rest == "" {
			return protocol.ErrValidation("Bad query: write author:, action: or type: and a text")
		}
		text = rest
	}
	var entries json.RawMessage
	total := 0
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		var batch pgx.Batch
		batch.Queue(auditCount, keys, text).QueryRow(func(row pgx.Row) error { return row.Scan(&total) })
		batch.Queue(auditPage, keys, text, part.Size, part.Offset()).QueryRow(func(row pgx.Row) error { return row.Scan(&entries) })
		return tx.SendBatch(r.Context(), &batch).Close()
	})
	if err != nil {
		return err
	}
	part.Write(w, r, bound, total)
	protocol.WriteJSON(w, http.StatusOK, entries)
	return nil
}
