package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

const envPrefix = "FLUXBASE_"

// Source says where a configuration is read from.
type Source struct {
	// Defaults are those of the command; the zero value means Default().
	Defaults *Config
	// File is a YAML file, or "" for FLUXBASE_CONFIG, or none.
	File string
	// Environ is like os.Environ(), and os.Environ() when nil.
	Environ []string
	// Flags that were given win. A flag sets the path that Paths names for it, or its own name with dots and underscores
	// for dashes: --s3-endpoint sets s3.endpoint.
	Flags *pflag.FlagSet
	Paths map[string]string
}

// Load reads a configuration and checks what the parts need. The error, when there is one, is a Faults with everything
// that is wrong.
func Load(src Source, parts ...Part) (Config, error) {
	c := Default()
	if src.Defaults != nil {
		c = *src.Defaults
	}
	environ := src.Environ
	if environ == nil {
		environ = os.Environ()
	}
	var faults Faults
	k := koanf.New(".")
	faults.readFile(k, fileName(src.File, environ))
	faults.checkNames(environ)
	readEnvironment(k, environ)
	readFlags(k, src)

	root := reflect.ValueOf(&c).Elem()
	for path := range leaves(root) {
		if !k.Exists(path) {
			continue
		}
		if err := set(leaves(root)[path], k.Get(path)); err != nil {
			faults.add("%s %s.", EnvName(path), err)
		}
	}
	c.derive()
	faults = append(faults, c.faults(parts)...)
	slices.Sort(faults)
	if len(faults) > 0 {
		return c, faults
	}
	return c, nil
}

// EnvName is the environment variable of a setting's path.
func EnvName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

func fileName(given string, environ []string) string {
	for _, e := range environ {
		if value, ok := strings.CutPrefix(e, envPrefix+"CONFIG="); ok && given == "" {
			return value
		}
	}
	return given
}

func (f *Faults) readFile(k *koanf.Koanf, name string) {
	if name == "" {
		return
	}
	if err := k.Load(file.Provider(name), yaml.Parser()); err != nil {
		f.add("FLUXBASE_CONFIG: the file %s cannot be read: %v.", name, err)
		return
	}
	known := leaves(reflect.ValueOf(&Config{}).Elem())
	for _, key := range k.Keys() {
		if _, ok := known[key]; ok {
			continue
		}
		_, isSection := k.Get(key).(map[string]any)
		if empty := k.Get(key) == nil || isSection; empty && isPrefix(known, key) {
			continue // a section without entries
		}
		f.add("FLUXBASE_CONFIG: %s has the unknown setting %q; `fluxbase config print` shows all there are.", name, key)
	}
}

func isPrefix(known map[string]reflect.Value, section string) bool {
	for path := range known {
		if strings.HasPrefix(path, section+".") {
			return true
		}
	}
	return false
}

func readEnvironment(k *koanf.Koanf, environ []string) {
	paths := map[string]string{}
	for path := range leaves(reflect.ValueOf(&Config{}).Elem()) {
		paths[EnvName(path)] = path
	}
	_ = k.Load(env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			return paths[name], value
		},
	}), nil)
}

func readFlags(k *koanf.Koanf, src Source) {
	if src.Flags == nil {
		return
	}
	known := map[string]string{}
	for path := range leaves(reflect.ValueOf(&Config{}).Elem()) {
		known[strings.NewReplacer(".", "-", "_", "-").Replace(path)] = path
	}
	for name, path := range src.Paths {
		known[name] = path
	}
	given := map[string]any{}
	src.Flags.Visit(func(f *pflag.Flag) {
		if path, ok := known[f.Name]; ok {
			given[path] = posflag.FlagVal(src.Flags, f)
		}
	})
	_ = k.Load(confmap.Provider(given, "."), nil)
}

// leaves are the settings of a Config by path.
func leaves(v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	walk(v, "", func(path string, field reflect.Value) { out[path] = field })
	return out
}

func walk(v reflect.Value, prefix string, visit func(path string, field reflect.Value)) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("koanf")
		switch {
		case tag == "-":
		case v.Field(i).Kind() == reflect.Struct:
			walk(v.Field(i), prefix+tag+".", visit)
		default:
			visit(prefix+tag, v.Field(i))
		}
	}
}

// set puts a value of a file, variable or flag into a field. The error's text follows the setting's name.
func set(field reflect.Value, value any) error {
	text := strings.TrimSpace(fmt.Sprint(value))
	switch field.Interface().(type) {
	case time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("is %q, which is no duration: write for example 30s, 5m or 24h", text)
		}
		field.SetInt(int64(d))
	case []string:
		list, err := stringList(value)
		if err != nil {
			return err
		}
		field.Set(reflect.ValueOf(list))
	case bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("is %q: it must be true or false", text)
		}
		field.SetBool(b)
	case int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("is %q: it must be a whole number", text)
		}
		field.SetInt(int64(n))
	case string, Secret:
		switch value.(type) {
		case nil:
			text = ""
		case []any, map[string]any:
			return fmt.Errorf("must be one value, not a list or section")
		}
		field.SetString(text)
	default:
		return fmt.Errorf("has a type that the configuration does not know: %s", field.Type())
	}
	return nil
}

func stringList(value any) ([]string, error) {
	var out []string
	switch v := value.(type) {
	case nil:
	case []string:
		out = v
	case []any:
		for _, item := range v {
			out = append(out, fmt.Sprint(item))
		}
	case string:
		out = strings.Split(v, ",")
	default:
		return nil, fmt.Errorf("must be a list")
	}
	out = slices.Clone(out)
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" }), nil
}
