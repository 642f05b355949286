package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/token"
)

// platformKeysLife is how long the platform's keys are believed before they are read again.
const platformKeysLife = 15 * time.Second

type platformKeys struct {
	verifier *token.Verifier
	readAt   time.Time
}

// EnsurePlatform makes the project "platform", whose users are the console's accounts, unless it stands, and keeps its
// site_url and whether it has addresses confirmed. It is provisioned by the same job as any other. It may run in several
// control planes at once.
func (s *Service) EnsurePlatform(ctx context.Context) error {
	return store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		wanted, err := s.platformSettings(nil)
		if err != nil {
			return err
		}
		_, err = s.insert(ctx, tx, store.InsertProjectParams{Ref: id.PlatformRef, Name: "Platform", Isolation: IsolationDatabase}, wanted)
		if err == nil {
			return s.Audit.Record(ctx, tx, nil, "project.create", "project/"+id.PlatformRef, nil)
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		row, err := store.New(tx).LockProjectByRef(ctx, id.PlatformRef)
		if err != nil {
			return fmt.Errorf("read platform project: %w", err)
		}
		stored, err := s.stored(row)
		if err != nil {
			return err
		}
		if wanted, err = s.platformSettings(stored.plain); err != nil || maps.EqualFunc(stored.plain, wanted, sameJSON) {
			return err
		}
		stored.plain = wanted
		return s.saveSettings(ctx, tx, row, stored)
	})
}

// platformSettings are the platform's own settings, changed to what this installation has. Addresses are confirmed by mail;
// without a mail server sign-up has to believe them. Once it has, the setting stays written down: see PlatformProves.
func (s *Service) platformSettings(stored map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	out := maps.Clone(stored)
	if out == nil {
		out = map[string]json.RawMessage{}
	}
	site, err := encode(s.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("encode site URL: %w", err)
	}
	out["auth.site_url"] = site
	_, believed := out[autoConfirm]
	if believes := s.AutoConfirm || !s.Mails; believes || believed {
		out[autoConfirm] = json.RawMessage(strconv.FormatBool(believes))
	}
	return out, nil
}

// autoConfirm is the setting by which an address counts as confirmed without a mail.
const autoConfirm = "auth.autoconfirm"

func sameJSON(a, b json.RawMessage) bool { return string(a) == string(b) }

// PlatformProves tells whether every account's address was confirmed: the platform never took one for confirmed at sign-up.
func (s *Service) PlatformProves(ctx context.Context) (bool, error) {
	row, err := store.Read(ctx, s.Pool).GetProjectByRef(ctx, id.PlatformRef)
	if err != nil {
		return false, fmt.Errorf("read platform project: %w", err)
	}
	stored, err := s.stored(row.Project)
	if err != nil {
		return false, err
	}
	_, believed := stored.plain[autoConfirm]
	return !believed, nil
}

// PlatformID returns the id of the project "platform".
func (s *Service) PlatformID(ctx context.Context) (uuid.UUID, error) {
	row, err := store.Read(ctx, s.Pool).GetProjectByRef(ctx, id.PlatformRef)
	if err != nil {
		return uuid.Nil, fmt.Errorf("read platform project: %w", err)
	}
	return row.Project.ID, nil
}

// PlatformServes tells whether the platform project has come so far that people can sign in.
func (s *Service) PlatformServes(ctx context.Context) (bool, error) {
	row, err := store.Read(ctx, s.Pool).GetProjectByRef(ctx, id.PlatformRef)
	if err != nil {
		return false, fmt.Errorf("read platform project: %w", err)
	}
	return row.Project.Status == StatusActive, nil
}

// PlatformVerifier returns what verifies the console's user tokens. It is read again when FollowPlatform hears of a change,
// and every few seconds, so that a new signing key is soon known.
func (s *Service) PlatformVerifier(ctx context.Context) (*token.Verifier, error) {
	s.mu.Lock()
	held, seen := s.platform, s.platformSeen
	s.mu.Unlock()
	if held.verifier != nil && s.Now().Sub(held.readAt) < platformKeysLife {
		return held.verifier, nil
	}
	row, err := store.New(s.Pool).GetProjectByRef(ctx, id.PlatformRef)
	if err != nil {
		return nil, fmt.Errorf("read platform project: %w", err)
	}
	secrets, err := OpenSecrets(s.Sealer, row.Project.ID, row.Project.SecretsSealed)
	if err != nil {
		return nil, err
	}
	verifier, err := secrets.Verifier()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.platformSeen == seen { // or else it changed while it was read
		s.platform = platformKeys{verifier, s.Now()}
	}
	s.mu.Unlock()
	return verifier, nil
}

// FollowPlatform forgets the platform's keys at each change of its project, until ctx ends: what is revoked opens nothing from then on.
func (s *Service) FollowPlatform(ctx context.Context, changes *Changes) error {
	changed, stop := changes.Subscribe(id.PlatformRef)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			s.mu.Lock()
			s.platform, s.platformSeen = platformKeys{}, s.platformSeen+1
			s.mu.Unlock()
		}
	}
}
