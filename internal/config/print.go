package config

import (
	"fmt"
	"net/url"
	"reflect"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/v2"
)

// Redacted returns a copy whose secrets are "***"; of secret URLs, scheme, host and path remain to be seen.
func (c Config) Redacted() Config {
	for _, field := range leaves(reflect.ValueOf(&c).Elem()) {
		if secret, ok := field.Interface().(Secret); ok && secret != "" {
			field.SetString(redactURL(secret))
		}
	}
	return c
}

// Print renders the configuration as YAML with secrets redacted, in the form that FLUXBASE_CONFIG reads.
func (c Config) Print() (string, error) {
	c = c.Redacted()
	k := koanf.New(".")
	for path, field := range leaves(reflect.ValueOf(&c).Elem()) {
		value := field.Interface()
		switch v := value.(type) {
		case Secret:
			value = string(v) // redacted above
		case time.Duration:
			value = v.String()
		}
		if err := k.Set(path, value); err != nil {
			return "", fmt.Errorf("print %s: %w", path, err)
		}
	}
	out, err := k.Marshal(yaml.Parser())
	return string(out), err
}

func redactURL(s Secret) string {
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Host == "" || u.Opaque != "" {
		return redacted
	}
	shown := u.Scheme + "://"
	if u.User != nil {
		shown += u.User.Username() + ":" + redacted + "@"
	}
	return shown + u.Host + u.Path
}
