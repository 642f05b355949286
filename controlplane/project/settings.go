package project

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Setting is one switch of one service, with its value in JSON. A secret's value is never told: only whether it is set.
type Setting struct {
	setting.Definition
	Value, Fallback string
	// Set tells that the project has a value of its own.
	Set bool
}

// Settings returns every setting of every service, by key.
func (s *Service) Settings(ctx context.Context, ref string) ([]Setting, error) {
	row, err := s.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	stored, err := s.stored(row)
	if err != nil {
		return nil, err
	}
	return stored.describe()
}

// UpdateSettings changes the settings given, all or none; an empty value sets a key back to its default. It fails with
// Invalid and a message for each wrong value, and for each that cannot work with the others.
func (s *Service) UpdateSettings(ctx context.Context, ref string, values map[string]string) ([]Setting, error) {
	changes, err := parseChanges(values)
	if err != nil {
		return nil, err
	}
	var stored settings
	err = store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, ref)
		if err != nil {
			return err
		}
		if err := checkPlace(row, changes); err != nil {
			return err
		}
		if stored, err = s.stored(row); err != nil {
			return err
		}
		before := stored.values()
		if err := stored.apply(changes); err != nil {
			return err
		}
		if wrong := conflicts(before, stored.values(), changes); len(wrong) > 0 {
			return invalidSettings(wrong)
		}
		if err := s.saveSettings(ctx, tx, row, stored); err != nil {
			return err
		}
		if err := s.queue(ctx, tx, SettingsArgs{ProjectID: row.ID}); err != nil {
			return err
		}
		keys := keysOf(changes)
		slices.Sort(keys)
		return s.Audit.Record(ctx, tx, row.OrganizationID, "project.settings", "project/"+ref, map[string]any{"keys": keys})
	})
	if err != nil {
		return nil, err
	}
	return stored.describe()
}

// parseChanges reads what was asked for: key to value, nil for back to the default. All that is wrong is told at once.
func parseChanges(values map[string]string) (map[string]any, error) {
	wrong, changes := map[string]string{}, map[string]any{}
	for key, raw := range values {
		d, known := setting.Lookup(key)
		if raw == "" && known {
			changes[key] = nil
			continue
		}
		value, err := setting.Parse(key, raw)
		if text, isString := value.(string); err == nil && isString && strings.ContainsRune(text, 0) {
			err = fmt.Errorf("%s: leave out the character U+0000", key)
		}
		switch {
		case err != nil:
			wrong[key] = err.Error()
		case d.Type == setting.Secret && value == "":
			changes[key] = nil
		default:
			changes[key] = value
		}
	}
	if len(wrong) > 0 {
		return nil, invalidSettings(wrong)
	}
	return changes, nil
}

// settings are those of a project that differ from their defaults, the secret ones apart.
type settings struct {
	plain  map[string]json.RawMessage
	secret map[string]string
}

// stored reads a project's settings.
func (s *Service) stored(row store.Project) (settings, error) {
	out := settings{plain: map[string]json.RawMessage{}}
	if err := json.Unmarshal(row.Settings, &out.plain); err != nil {
		return out, fmt.Errorf("decode settings of %s: %w", row.Ref, err)
	}
	var err error
	out.secret, err = openSettings(s.Sealer, row)
	return out, err
}

func (s *Service) saveSettings(ctx context.Context, tx pgx.Tx, row store.Project, values settings) error {
	plain, err := json.Marshal(values.plain)
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	sealed, err := sealSettings(s.Sealer, row.ID, values.secret)
	if err != nil {
		return err
	}
	if err := store.New(tx).SetProjectSettings(ctx, store.SetProjectSettingsParams{ID: row.ID, Settings: plain, SettingsSealed: sealed}); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

// apply changes values as parseChanges read them.
func (v settings) apply(changes map[string]any) error {
	for key, value := range changes {
		d, _ := setting.Lookup(key)
		secret, isString := value.(string)
		switch {
		case value == nil:
			delete(v.plain, key)
			delete(v.secret, key)
		case d.Type == setting.Secret && isString:
			v.secret[key] = secret
		default:
			encoded, err := encode(value)
			if err != nil {
				return fmt.Errorf("encode setting %s: %w", key, err)
			}
			v.plain[key] = encoded
		}
	}
	return nil
}

// values are the settings as a worker reads them.
func (v settings) values() setting.Values {
	texts := make(map[string]string, len(v.plain))
	for key, raw := range v.plain {
		texts[key] = string(raw)
	}
	out := setting.Decode(texts)
	for key, value := range v.secret {
		out[key] = value
	}
	return out
}

func (v settings) describe() ([]Setting, error) {
	out := []Setting{}
	for _, d := range setting.All() {
		fallback, err := encode(d.Default)
		if err != nil {
			return nil, fmt.Errorf("encode default of %s: %w", d.Key, err)
		}
		item := Setting{Definition: d, Value: string(fallback), Fallback: string(fallback)}
		if value, ok := v.plain[d.Key]; ok && d.Type != setting.Secret {
			item.Value, item.Set = compact(value), true
		}
		if _, ok := v.secret[d.Key]; ok {
			item.Set = true
		}
		out = append(out, item)
	}
	return out, nil
}

// checkPlace refuses to expose schemas that cannot be where the project lives.
func checkPlace(row store.Project, changes map[string]any) error {
	const key = "rest.schemas"
	schemas, given := changes[key].([]string)
	if !given { // not given, or set back to the default
		return nil
	}
	names := layout.Of(row.Ref, row.Isolation == IsolationSchema)
	for _, schema := range schemas {
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

// encode makes JSON for people: < stays <, as templates are full of it.
func encode(value any) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// compact drops the spaces that Postgres puts into JSON.
func compact(value json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return string(value)
	}
	return b.String()
}

func keysOf[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for key := range m {
		out = append(out, key)
	}
	return out
}
