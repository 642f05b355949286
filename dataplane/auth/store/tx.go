package store

import (
	"context"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Schema is the logical schema of auth's tables.
const Schema = "auth"

// Tx is a transaction on the schema auth of one project, with what is to be done once it has committed.
type Tx = outbox.ServiceTx

// InTx runs fn in a transaction of the session's project, and then what fn asked for.
func InTx(ctx context.Context, session *projectdb.Session, fn func(tx *Tx) error) error {
	return outbox.InService(ctx, session, Schema, fn)
}
