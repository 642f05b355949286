package project

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Setting is one switch of one service, with its value in JSON.
type Setting struct {
	Key, Value, Default, Type, Description string
}

// Settings returns every setting of every service, by key.
func (s *Service) Settings(ctx context.Context, ref string) ([]Setting, error) {
	row, err := s.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	stored, err := storedSettings(row)
	if err != nil {
		return nil, err
	}
	return describe(stored)
}

// UpdateSettings changes the settings given, all or none; an empty value sets a key back to its default. It fails with
// Invalid and a message for each wrong value.
func (s *Service) UpdateSettings(ctx context.Context, ref string, values map[string]string) ([]Setting, error) {
	if err := checkSettings(values); err != nil {
		return nil, err
	}
	var stored map[string]json.RawMessage
	err := store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, ref)
		if err != nil {
			return err
		}
		if err := checkPlace(row, values); err != nil {
			return err
		}
		if stored, err = storedSettings(row); err != nil {
			return err
		}
		keys := []string{}
		for key, value := range values {
			keys = append(keys, key)
			if value == "" {
				delete(stored, key)
				continue
			}
			stored[key] = json.RawMessage(value)
		}
		slices.Sort(keys)
		if err := saveSettings(ctx, tx, row, stored); err != nil {
			return err
		}
		if err := s.queue(ctx, tx, SettingsArgs{ProjectID: row.ID}); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, row.OrganizationID, "project.settings", "project/"+ref, map[string]any{"keys": keys})
	})
	if err != nil {
		return nil, err
	}
	return describe(stored)
}

func saveSettings(ctx context.Context, tx pgx.Tx, row store.Project, stored map[string]json.RawMessage) error {
	encoded, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	if err := store.New(tx).SetProjectSettings(ctx, store.SetProjectSettingsParams{ID: row.ID, Settings: encoded}); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

func checkSettings(values map[string]string) error {
	wrong := map[string]string{}
	for key, value := range values {
		if _, known := setting.Lookup(key); value == "" && known {
			continue
		}
		if _, err := setting.Parse(key, value); err != nil {
			wrong[key] = err.Error()
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return invalidSettings(wrong)
}

// checkPlace refuses to expose schemas that cannot be where the project lives.
func checkPlace(row store.Project, values map[string]string) error {
	const key = "rest.schemas"
	if values[key] == "" { // not given, or set back to the default
		return nil
	}
	parsed, err := setting.Parse(key, values[key])
	if err != nil {
		return invalidSettings(map[string]string{key: err.Error()})
	}
	names := layout.Of(row.Ref, row.Isolation == IsolationSchema)
	for _, schema := range parsed.([]string) {
		if !names.CanHave(schema) {
			return invalidSettings(map[string]string{key: fmt.Sprintf(
				"%s: schema %q cannot exist in a project of isolation schema, whose schemas are fixed: expose public, or use a project of isolation database", key, schema)})
		}
	}
	return nil
}

// invalidSettings is the fault of wrong values, by key.
func invalidSettings(wrong map[string]string) error {
	first := slices.Min(keysOf(wrong))
	fields := map[string]string{}
	for key, text := range wrong {
		fields["values["+key+"]"] = text
	}
	return &fault.Error{Kind: fault.Invalid, Reason: "SETTING_INVALID", Message: "Nothing was changed: " + wrong[first] + ".", Fields: fields}
}

func describe(stored map[string]json.RawMessage) ([]Setting, error) {
	out := []Setting{}
	for _, d := range setting.All() {
		fallback, err := json.Marshal(d.Default)
		if err != nil {
			return nil, fmt.Errorf("encode default of %s: %w", d.Key, err)
		}
		item := Setting{Key: d.Key, Value: string(fallback), Default: string(fallback), Type: string(d.Type), Description: d.Description}
		if value, ok := stored[d.Key]; ok {
			item.Value = compact(value)
		}
		out = append(out, item)
	}
	return out, nil
}

// find reads a customer's project without a lock.
func (s *Service) find(ctx context.Context, ref string) (store.Project, error) {
	row, err := store.Read(ctx, s.Pool).GetProjectByRef(ctx, ref)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && (row.Project.OrganizationID == nil || row.Project.Status == StatusPurged) {
		return store.Project{}, ErrNotFound
	}
	if err != nil {
		return store.Project{}, fmt.Errorf("read project: %w", err)
	}
	return row.Project, nil
}

// compact drops the spaces that Postgres puts into JSON.
func compact(value json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return string(value)
	}
	return b.String()
}

func keysOf(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for key := range m {
		out = append(out, key)
	}
	return out
}
