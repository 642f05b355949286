package directory

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// Resolve returns the snapshot of a project by ref or custom host.
func (d *Directory) Resolve(ctx context.Context, req *directoryv1.ResolveRequest) (*directoryv1.ResolveResponse, error) {
	if err := validate(req); err != nil {
		return nil, err
	}
	ref, host := req.GetRef(), req.GetHost()
	if ref == "" && host == "" {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("name a ref or a host"))
	}
	row, err := d.queries.SnapshotProject(ctx, store.SnapshotProjectParams{Ref: ref, Host: host})
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "PROJECT_NOT_FOUND", "No such project.")
	}
	if err != nil {
		return nil, d.failure(ctx, "resolve project", err)
	}
	if known := req.GetKnownRevision(); known != 0 && known == row.Project.Revision {
		return &directoryv1.ResolveResponse{}, nil
	}
	snapshot, err := d.snapshot(ctx, row)
	if err != nil {
		return nil, d.failure(ctx, "make snapshot of project "+row.Project.Ref, err)
	}
	return &directoryv1.ResolveResponse{Snapshot: snapshot}, nil
}

// snapshot reads keys and hosts after the project's row: they may be newer than its revision, which the change that is
// then under way repairs, but never older.
func (d *Directory) snapshot(ctx context.Context, row store.SnapshotProjectRow) (*directoryv1.Snapshot, error) {
	p := row.Project
	secrets, err := project.OpenSecrets(d.sealer, p.ID, p.SecretsSealed)
	if err != nil {
		return nil, err
	}
	keys, err := d.queries.SnapshotKeys(ctx, p.ID)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	hosts, err := d.queries.SnapshotHosts(ctx, p.ID)
	if err != nil {
		return nil, fmt.Errorf("read hosts: %w", err)
	}
	settings, err := project.WorkerSettings(d.sealer, p)
	if err != nil {
		return nil, err
	}
	anon, err := project.AnonKey(p, secrets)
	if err != nil {
		return nil, fmt.Errorf("sign the anon key: %w", err)
	}
	place, err := placement(row, secrets)
	if err != nil {
		return nil, err
	}
	out := &directoryv1.Snapshot{
		ProjectId: p.ID.String(), Ref: p.Ref, Revision: p.Revision, Status: servingStatus(p, row.Served),
		Placement: place, LegacyJwtSecret: secrets.LegacyJWTSecret,
		Limits: &directoryv1.Limits{
			RequestsPerSecond: row.RequestsPerSecond, Burst: row.Burst, RequestsPerSecondPerIp: row.RequestsPerSecondPerIp,
			RequestsPerSecondPerKey: row.RequestsPerSecondPerKey, StatementTimeoutMs: row.StatementTimeoutMs,
			StorageBytes: row.MaxStorageBytes, MaxFileBytes: row.MaxFileBytes,
		},
		OverQuota: p.OverQuotaReason != "", OverQuotaReason: p.OverQuotaReason,
		Settings: settings, Hosts: hosts, Url: d.url(p.Ref), AnonKey: anon,
	}
	if p.OrganizationID != nil {
		out.OrganizationId = p.OrganizationID.String()
	}
	for _, k := range keys {
		role := "anon"
		if k.Type == "secret" {
			role = "service_role"
		}
		key := &directoryv1.Key{Id: k.ID.String(), Hash: k.Hash, Role: role, Scopes: k.Scopes, RequestsPerSecond: k.RequestsPerSecond}
		if k.ExpiresAt != nil {
			key.ExpireTime = timestamppb.New(*k.ExpiresAt)
		}
		out.Keys = append(out.Keys, key)
	}
	for _, k := range secrets.LiveKeys() {
		out.SigningKeys = append(out.SigningKeys, &directoryv1.SigningKey{Kid: k.ID, Algorithm: k.Algorithm, PrivateKey: k.Private, Active: k.Status == project.KeyInUse})
	}
	return out, nil
}

// servingStatus is what a worker makes of a project. A job that failed leaves a project that once was active as it was
// wanted before; one that never was is still being made.
func servingStatus(p store.Project, served bool) directoryv1.ServingStatus {
	switch p.Status {
	case "active":
		return directoryv1.ServingStatus_SERVING_STATUS_ACTIVE
	case "pausing", "paused":
		return directoryv1.ServingStatus_SERVING_STATUS_PAUSED
	case "deleted", "purging", "purged":
		return directoryv1.ServingStatus_SERVING_STATUS_DELETED
	case "failed":
		switch {
		case p.Desired == "deleted" || p.Desired == "purged":
			return directoryv1.ServingStatus_SERVING_STATUS_DELETED
		case p.Desired == "paused":
			return directoryv1.ServingStatus_SERVING_STATUS_PAUSED
		case served:
			return directoryv1.ServingStatus_SERVING_STATUS_ACTIVE
		}
	}
	return directoryv1.ServingStatus_SERVING_STATUS_PROVISIONING
}
