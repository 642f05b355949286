package archtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/setting"
)

const configurationPage = root + "/docs/configuration.md"

const configurationHead = `# Configuration

<!-- Written by "make generate" from internal/config. Do not edit. -->

Every process reads the same settings: defaults, then a YAML file (` + "`--config` or `FLUXBASE_CONFIG`" + `), then environment variables, then
flags. A setting's path in the file is the variable's name in lower case without ` + "`FLUXBASE_`" + `, with its section first:
` + "`FLUXBASE_S3_ACCESS_KEY` is `s3.access_key`" + `. Lists are words between commas, durations are like ` + "`30s` or `168h`" + `. All that is wrong is
reported at once, also variables that begin with ` + "`FLUXBASE_`" + ` and are no settings; ` + "`fluxbase config print`" + ` shows what holds, without secrets. ` + "`fluxbase dev`" + ` needs none of these settings.

| variable | default | |
| --- | --- | --- |
`

// TestConfigurationPage keeps docs/configuration.md in step with the settings.
func TestConfigurationPage(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	page.WriteString(configurationHead)
	writeSettings(&page, reflect.ValueOf(config.Default()), "", fieldComments(t))
	writeProjectSettings(t, &page)
	if *update {
		require.NoError(t, os.WriteFile(configurationPage, page.Bytes(), 0o644))
		return
	}
	have, err := os.ReadFile(configurationPage)
	require.NoError(t, err, "run make generate")
	require.True(t, bytes.Equal(page.Bytes(), have), "docs/configuration.md is stale; run make generate")
}

const projectSettingsHead = `
## Settings of a project

<!-- Written from internal/setting. -->

Each project has settings of its own, changed at run time in the console, by ` + "`fluxbase projects settings set`" + ` and by the management API
(` + "`ProjectService.UpdateSettings`" + `); workers use a change within two seconds. All or none of a change is made, and what cannot work together is
refused. Secrets are sealed where they are stored and never shown again. Durations are whole seconds.

| setting | type | default | |
| --- | --- | --- | --- |
`

// writeProjectSettings lists what a project can set.
func writeProjectSettings(t *testing.T, page *bytes.Buffer) {
	t.Helper()
	page.WriteString(projectSettingsHead)
	for _, d := range setting.All() {
		fallback, err := json.Marshal(d.Default)
		require.NoError(t, err)
		shown := "`" + string(fallback) + "`"
		switch {
		case d.Type == setting.Text:
			shown = "built in"
		case shown == "`\"\"`":
			shown = ""
		case shown == "`[]`":
			shown = "none"
		}
		kind := string(d.Type)
		if len(d.OneOf) > 0 {
			kind = strings.Join(d.OneOf, ", ")
		} else if d.Min != 0 || d.Max != 0 {
			kind = fmt.Sprintf("%s, %d to %d", kind, d.Min, d.Max)
		}
		_, _ = fmt.Fprintf(page, "| `%s` | %s | %s | %s |\n", d.Key, kind, shown, strings.ReplaceAll(d.Description, "|", "\\|"))
	}
}

func writeSettings(page *bytes.Buffer, section reflect.Value, prefix string, comments map[string]string) {
	for i := range section.NumField() {
		field := section.Type().Field(i)
		name := field.Tag.Get("koanf")
		if name == "" || name == "-" {
			continue
		}
		if field.Type.Kind() == reflect.Struct {
			writeSettings(page, section.Field(i), prefix+name+".", comments)
			continue
		}
		_, _ = fmt.Fprintf(page, "| `%s` | %s | %s |\n", config.EnvName(prefix+name), defaultText(section.Field(i)),
			comments[section.Type().Name()+"."+field.Name])
	}
}

func defaultText(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	text := fmt.Sprint(v.Interface())
	if d, ok := v.Interface().(time.Duration); ok {
		text = shortDuration(d)
	}
	return "`" + text + "`"
}

// shortDuration leaves out the parts of a duration that are nought: 168h, not 168h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// fieldComments maps "Type.Field" to the comment of the field, less the field's name.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range files(t) {
		if f.dir() != "internal/config" || f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return false
			}
			for _, field := range fields.Fields.List {
				for _, name := range field.Names {
					out[spec.Name.Name+"."+name.Name] = sentence(field.Doc.Text(), name.Name)
				}
			}
			return false
		})
	}
	return out
}

func sentence(comment, name string) string {
	text := strings.Join(strings.Fields(comment), " ")
	for _, verb := range []string{" is ", " are "} {
		text = strings.TrimPrefix(text, name+verb)
	}
	text = strings.TrimPrefix(text, name+" ")
	if text == "" {
		return ""
	}
	return strings.ReplaceAll(strings.ToUpper(text[:1])+text[1:], "|", "\\|")
}

func TestShortDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"168h": "168h", "90m": "1h30m", "30s": "30s", "20m": "20m", "1h0m5s": "1h0m5s"} {
		d, err := time.ParseDuration(text)
		require.NoError(t, err)
		require.Equal(t, want, shortDuration(d), strconv.Quote(text))
	}
}
