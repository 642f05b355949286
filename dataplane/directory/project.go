// Package directory is what a worker knows of projects: snapshots from the control plane, kept in memory and, sealed, on
// disk.
package directory

import (
	"fmt"
	"time"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/scope"
	"github.com/wayli-app/fluxbase/internal/setting"
	"github.com/wayli-app/fluxbase/internal/token"
)

// Status is how a worker answers for a project.
type Status = directoryv1.ServingStatus

// The statuses.
const (
	Active       = directoryv1.ServingStatus_SERVING_STATUS_ACTIVE
	Provisioning = directoryv1.ServingStatus_SERVING_STATUS_PROVISIONING
	Paused       = directoryv1.ServingStatus_SERVING_STATUS_PAUSED
	Deleted      = directoryv1.ServingStatus_SERVING_STATUS_DELETED
)

// Login is a Postgres role that logs in.
type Login struct{ User, Password string }

// Project is a snapshot made ready for use. It never changes: a newer snapshot is a new Project.
type Project struct {
	ID, Ref, OrganizationID string
	Revision                int64
	Status                  Status
	// URL is the project's base by host, "https://<ref>.<domain>".
	URL string

	// Where it lives. Shared tells isolation "schema" (true) from "database".
	Host, Database, SSLMode     string
	Port                        int
	Shared                      bool
	SchemaPrefix, RolePrefix    string
	Authenticator, Admin, Owner Login
	// Storage is empty for a project from before that login.
	Storage Login
	Bucket  string
	// ConnString is how libpq writes all of the authenticator's connection, in place of the above; a secret. Only the standalone REST
	// server, whose one project is no snapshot, sets it.
	ConnString string

	// Keys by the SHA-256 of their value.
	Keys map[[32]byte]Key
	// SigningKeys verify; SigningKey is the one that signs.
	SigningKeys     []token.Key
	SigningKey      token.Key
	LegacyJWTSecret []byte
	Verifier        *token.Verifier
	// AnonKey is the long-lived JWT of the role anon. It is public.
	AnonKey string

	Limits          Limits
	OverQuota       bool
	OverQuotaReason string
	Settings        setting.Values
	Hosts           []string
}

// Key is an API key.
type Key struct {
	ID, Role string
	// Expires is zero for keys that do not.
	Expires time.Time
	// Scopes bound what the key may do.
	Scopes scope.Set
	// RequestsPerSecond is the key's own limit; zero is none.
	RequestsPerSecond int
}

// Limits are a project's share of a worker. Zero means no limit.
type Limits struct {
	RequestsPerSecond, Burst                        int
	RequestsPerSecondPerIP, RequestsPerSecondPerKey int
	StatementTimeout                                time.Duration
	// StorageBytes bounds what the project's files take together, MaxFileBytes each of them.
	StorageBytes, MaxFileBytes int64
}

// Schema returns the physical name of a logical schema, for example "public".
func (p *Project) Schema(logical string) string { return p.SchemaPrefix + logical }

// Role returns the physical name of a request role: "anon", "authenticated" or "service_role".
func (p *Project) Role(logical string) string { return p.RolePrefix + logical }

// FromSnapshot makes a Project of a snapshot, or says why it cannot be served.
func FromSnapshot(s *directoryv1.Snapshot) (*Project, error) {
	place := s.GetPlacement()
	login := func(l *directoryv1.Login) Login { return Login{l.GetUser(), l.GetPassword()} }
	p := &Project{
		ID: s.GetProjectId(), Ref: s.GetRef(), OrganizationID: s.GetOrganizationId(), Revision: s.GetRevision(),
		Status: s.GetStatus(), URL: s.GetUrl(),
		Host: place.GetHost(), Port: int(place.GetPort()), Database: place.GetDatabase(), SSLMode: place.GetSslMode(),
		Shared: place.GetShared(), SchemaPrefix: place.GetSchemaPrefix(), RolePrefix: place.GetRolePrefix(),
		Authenticator: login(place.GetAuthenticator()), Admin: login(place.GetAdmin()), Owner: login(place.GetOwner()), Storage: login(place.GetStorage()),
		Bucket: place.GetBucket(), LegacyJWTSecret: s.GetLegacyJwtSecret(), AnonKey: s.GetAnonKey(),
		Keys: make(map[[32]byte]Key, len(s.GetKeys())), Hosts: s.GetHosts(),
		OverQuota: s.GetOverQuota(), OverQuotaReason: s.GetOverQuotaReason(), Settings: setting.Decode(s.GetSettings()),
		Limits: Limits{
			RequestsPerSecond: int(s.GetLimits().GetRequestsPerSecond()), Burst: int(s.GetLimits().GetBurst()),
			RequestsPerSecondPerIP:  int(s.GetLimits().GetRequestsPerSecondPerIp()),
			RequestsPerSecondPerKey: int(s.GetLimits().GetRequestsPerSecondPerKey()),
			StatementTimeout:        time.Duration(s.GetLimits().GetStatementTimeoutMs()) * time.Millisecond,
			StorageBytes:            s.GetLimits().GetStorageBytes(), MaxFileBytes: s.GetLimits().GetMaxFileBytes(),
		},
	}
	for _, k := range s.GetKeys() {
		if len(k.GetHash()) != 32 {
			return nil, fmt.Errorf("project %s: key %s has a hash of %d bytes", p.Ref, k.GetId(), len(k.GetHash()))
		}
		key := Key{ID: k.GetId(), Role: k.GetRole(), Scopes: scope.Of(k.GetScopes()), RequestsPerSecond: int(k.GetRequestsPerSecond())}
		if k.GetExpireTime() != nil {
			key.Expires = k.GetExpireTime().AsTime()
		}
		p.Keys[[32]byte(k.GetHash())] = key
	}
	for _, k := range s.GetSigningKeys() {
		parsed, err := token.ParseKey(k.GetKid(), k.GetAlgorithm(), k.GetPrivateKey())
		if err != nil {
			return nil, fmt.Errorf("project %s: %w", p.Ref, err)
		}
		p.SigningKeys = append(p.SigningKeys, parsed)
		if k.GetActive() {
			p.SigningKey = parsed
		}
	}
	p.Verifier = token.NewVerifier(p.SigningKeys, p.LegacyJWTSecret)
	return p, nil
}
