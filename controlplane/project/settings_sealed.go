package project

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// sealSettings encrypts secret settings for the row of one project. None is the empty text.
func sealSettings(sealer *seal.Sealer, project uuid.UUID, values map[string]string) ([]byte, error) {
	if len(values) == 0 {
		return []byte{}, nil
	}
	plain, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("encode secret settings: %w", err)
	}
	return sealer.Seal(plain, settingsContext(project))
}

// openSettings reads what sealSettings wrote.
func openSettings(sealer *seal.Sealer, row store.Project) (map[string]string, error) {
	values := map[string]string{}
	if len(row.SettingsSealed) == 0 {
		return values, nil
	}
	plain, err := sealer.Open(row.SettingsSealed, settingsContext(row.ID))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(plain, &values); err != nil {
		return nil, fmt.Errorf("decode secret settings of %s: %w", row.Ref, err)
	}
	return values, nil
}

// settingsContext differs from that of the row's other sealed column, so that neither can stand in for the other.
func settingsContext(project uuid.UUID) string { return "project/" + project.String() + "/settings" }

// WorkerSettings are a project's settings as its workers get them: key to value in JSON, the secret ones in clear.
func WorkerSettings(sealer *seal.Sealer, row store.Project) (map[string]string, error) {
	var plain map[string]json.RawMessage
	if err := json.Unmarshal(row.Settings, &plain); err != nil {
		return nil, fmt.Errorf("decode settings of %s: %w", row.Ref, err)
	}
	secrets, err := openSettings(sealer, row)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(plain)+len(secrets))
	for key, value := range plain {
		out[key] = string(value)
	}
	for key, value := range secrets {
		encoded, err := encode(value)
		if err != nil {
			return nil, fmt.Errorf("encode setting %s: %w", key, err)
		}
		out[key] = string(encoded)
	}
	return out, nil
}
