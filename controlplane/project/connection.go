package project

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/token"
)

// DeveloperTokenLife is how long a developer token opens a project's /meta/v1, and auth's admin API.
const DeveloperTokenLife = 10 * time.Minute

// legacyYears is the life of the JWTs anon and service_role.
const legacyYears = 10

// Connection is how a project is reached. Without secrets only the addresses are set.
type Connection struct {
	URL, PathURL string
	// DatabaseURL logs in as the owner role; empty for isolation schema and until the database stands.
	DatabaseURL             string
	AnonKey, ServiceRoleKey string
	JWTSecret               string
}

// Connection returns the project's addresses, and its secrets when asked for; that they were shown is recorded.
func (s *Service) Connection(ctx context.Context, ref string, withSecrets bool) (out Connection, err error) {
	err = store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		row, secrets, err := s.opened(ctx, ref)
		if err != nil {
			return err
		}
		out = Connection{URL: s.Addresses.ProjectBaseURL(ref), PathURL: s.Addresses.PathURL(ref)}
		if !withSecrets {
			return nil
		}
		if err := s.reveal(ctx, row, secrets, &out); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, row.OrganizationID, "project.reveal", "project/"+ref, map[string]any{"database_url": out.DatabaseURL != ""})
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}

// reveal fills in the secrets.
func (s *Service) reveal(ctx context.Context, row store.Project, secrets Secrets, out *Connection) (err error) {
	out.JWTSecret = string(secrets.LegacyJWTSecret)
	if out.AnonKey, err = AnonKey(row, secrets); err != nil {
		return err
	}
	if out.ServiceRoleKey, err = legacyKey(row, secrets, "service_role"); err != nil {
		return err
	}
	if row.Isolation != IsolationDatabase || row.ClusterID == nil || row.DatabaseName == "" {
		return nil
	}
	cluster, err := store.Read(ctx, s.Pool).ProjectCluster(ctx, *row.ClusterID)
	if err != nil {
		return fmt.Errorf("read cluster: %w", err)
	}
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(layout.Of(row.Ref, false).Owner(), secrets.OwnerPassword),
		Host: net.JoinHostPort(cluster.Host, strconv.Itoa(int(cluster.Port))), Path: "/" + row.DatabaseName,
		RawQuery: url.Values{"sslmode": {cluster.SslMode}}.Encode(),
	}
	out.DatabaseURL = address.String()
	return nil
}

// DeveloperToken signs a token with which an account runs SQL at the project's /meta/v1 and manages its users at /auth/v1/admin. It fails with
// FailedPrecondition when the project does not answer. That it was made is recorded.
func (s *Service) DeveloperToken(ctx context.Context, ref string, account uuid.UUID) (value string, expires time.Time, err error) {
	row, secrets, err := s.opened(ctx, ref)
	if err != nil {
		return "", time.Time{}, err
	}
	if row.Status != StatusActive {
		return "", time.Time{}, fault.New(fault.FailedPrecondition, "PROJECT_NOT_ACTIVE", "The project is %s: it must be active to be worked on.", row.Status)
	}
	key, err := secrets.ActiveKey()
	if err != nil {
		return "", time.Time{}, err
	}
	now := s.Now().Truncate(time.Second)
	expires = now.Add(DeveloperTokenLife)
	value, err = key.Sign(map[string]any{
		"aud": "meta", "role": "developer", "sub": account.String(), "iat": now.Unix(), "exp": expires.Unix(),
	})
	if err != nil {
		return "", time.Time{}, err
	}
	err = store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		return s.Audit.Record(ctx, tx, row.OrganizationID, "project.developer_token", "project/"+ref, map[string]any{"expire_time": expires.UTC()})
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return value, expires, nil
}

// opened reads a customer's project and opens its secrets.
func (s *Service) opened(ctx context.Context, ref string) (store.Project, Secrets, error) {
	row, err := s.find(ctx, ref)
	if err != nil {
		return store.Project{}, Secrets{}, err
	}
	secrets, err := OpenSecrets(s.Sealer, row.ID, row.SecretsSealed)
	return row, secrets, err
}

// AnonKey is the project's long-lived JWT of the role anon, which is public.
func AnonKey(p store.Project, secrets Secrets) (string, error) { return legacyKey(p, secrets, "anon") }

// legacyKey signs one of the two long-lived JWTs. It is the same at each call, as its times are the project's own.
func legacyKey(p store.Project, secrets Secrets, role string) (string, error) {
	made := p.CreatedAt.UTC().Truncate(time.Second)
	return token.SignLegacy(secrets.LegacyJWTSecret, map[string]any{
		"iss": "fluxbase", "ref": p.Ref, "role": role, "iat": made.Unix(), "exp": made.AddDate(legacyYears, 0, 0).Unix(),
	})
}
