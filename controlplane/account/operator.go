package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// ErrNoAccount says that an address cannot be made an operator.
var ErrNoAccount = fault.New(fault.NotFound, "ACCOUNT_NOT_FOUND", "No account has this address yet: sign up with it first.")

// Appoint makes the account that has an address now an operator. The right belongs to the account, not to the address:
// a sign-up does not prove that an address is one's own, so whoever takes the address later gets nothing by it.
// It fails with ErrNoAccount when nobody has the address.
func Appoint(ctx context.Context, pool *pgxpool.Pool, audit Auditor, email string) (Account, error) {
	var row store.Account
	err := store.InTx(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		var err error
		row, err = q.LockAccountByEmail(ctx, email)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNoAccount
		}
		if err != nil {
			return fmt.Errorf("find account: %w", err)
		}
		if row.Operator {
			return nil
		}
		row.Operator = true
		if err := q.AppointOperator(ctx, row.ID); err != nil {
			return fmt.Errorf("appoint operator: %w", err)
		}
		return audit.Record(ctx, tx, nil, "operator.add", "account/"+row.ID.String(), map[string]any{"email": row.Email})
	})
	return shown(row), err
}
