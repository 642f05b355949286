package devstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// secrets are generated at the first start and kept in <data-dir>/secrets.json, for the owner's eyes only.
type secrets struct {
	MasterKey        string `json:"master_key"`
	ServiceToken     string `json:"service_token"`
	PostgresPassword string `json:"postgres_password"`
	S3AccessKey      string `json:"s3_access_key"`
	S3SecretKey      string `json:"s3_secret_key"`
}

func loadSecrets(dataDir string) (secrets, error) {
	name := filepath.Join(dataDir, "secrets.json")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return newSecrets(dataDir, name)
	}
	if err != nil {
		return secrets{}, fmt.Errorf("read the secrets: %w", err)
	}
	if err := os.Chmod(name, 0o600); err != nil {
		return secrets{}, fmt.Errorf("protect the secrets: %w", err)
	}
	var s secrets
	if err := json.Unmarshal(text, &s); err != nil || s.MasterKey == "" || s.ServiceToken == "" || s.PostgresPassword == "" || s.S3AccessKey == "" || s.S3SecretKey == "" {
		return secrets{}, fmt.Errorf("%s is damaged: restore it from a backup; what is sealed in %s cannot be read without it", name, dataDir)
	}
	return s, nil
}

func newSecrets(dataDir, name string) (secrets, error) {
	for _, part := range []string{"postgres", "s3"} {
		if _, err := os.Stat(filepath.Join(dataDir, part)); err == nil {
			return secrets{}, fmt.Errorf("%s has data but no secrets.json: restore the file that belongs to it, or move %s away to begin anew",
				dataDir, filepath.Join(dataDir, part))
		}
	}
	key, err := seal.NewKey()
	if err != nil {
		return secrets{}, err
	}
	s := secrets{
		MasterKey: key, ServiceToken: id.NewPassword() + id.NewPassword(), PostgresPassword: id.NewPassword(),
		S3AccessKey: "fluxbase", S3SecretKey: id.NewPassword(),
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return secrets{}, err
	}
	return s, writeFile(name, append(text, '\n'))
}
