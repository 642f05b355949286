package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// settingJSON is a setting as scripts see it.
type settingJSON struct {
	Key     string          `json:"key"`
	Value   json.RawMessage `json:"value"`
	Default json.RawMessage `json:"default"`
	Type    string          `json:"type"`
	// Set tells that the project has a value of its own; of secrets that is all there is to see.
	Set         bool   `json:"set"`
	Description string `json:"description"`
}

func (c *cli) settingsCommand() *cobra.Command {
	return group("settings", "Read and change a project's settings", c.settingsGetCommand(), c.settingsSetCommand())
}

func (c *cli) settingsGetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "get REF [KEY…]", Short: "Show a project's settings: all, or those that keys or their beginnings name",
		Long: "Show a project's settings: all, or those named. A KEY may be the beginning of several, up to a dot. Secrets are never shown: only whether they are set.",
		Example: `  fluxbase projects settings get abcdefghijklmnopqrst
  fluxbase projects settings get abcdefghijklmnopqrst auth.smtp
  fluxbase projects settings get abcdefghijklmnopqrst rest.max_rows -o json`,
		Args: atLeast("REF"),
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			got, err := s.projects().GetSettings(ctx, &controlplanev1.GetSettingsRequest{Ref: args[0]})
			if err != nil {
				return err
			}
			return s.printSettings(got.GetSettings(), args[1:])
		}),
	}
}

func (c *cli) settingsSetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "set REF KEY=VALUE…", Short: "Change settings; all or none are changed",
		Long: "Change settings of a project. VALUE is JSON, a bare string, or for lists words between commas. KEY= sets back to the default, and clears a secret.\n" +
			"KEY=- takes the value from the standard input, KEY=@FILE from a file: so give secrets, which stay in the shell's history otherwise, and templates.",
		Example: `  fluxbase projects settings set abcdefghijklmnopqrst rest.max_rows=500 rest.schemas=public,api
  fluxbase projects settings set abcdefghijklmnopqrst auth.site_url=https://app.example.com auth.autoconfirm=false
  pass smtp/shop | fluxbase projects settings set abcdefghijklmnopqrst auth.smtp.password=-
  fluxbase projects settings set abcdefghijklmnopqrst auth.email.template.invite.content=@invite.html
  fluxbase projects settings set abcdefghijklmnopqrst rest.max_rows=`,
		Args: atLeast("REF", "KEY=VALUE"),
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			got, err := s.projects().GetSettings(ctx, &controlplanev1.GetSettingsRequest{Ref: args[0]})
			if err != nil {
				return err
			}
			values, err := s.parseSettings(got.GetSettings(), args[1:])
			if err != nil {
				return err
			}
			changed, err := s.projects().UpdateSettings(ctx, &controlplanev1.UpdateSettingsRequest{Ref: args[0], Values: values})
			if err != nil {
				return err
			}
			keys := make([]string, 0, len(values))
			for key := range values {
				keys = append(keys, key)
			}
			return s.printSettings(changed.GetSettings(), keys)
		}),
	}
}

// printSettings prints the settings that names name, or all.
func (c *cli) printSettings(all []*controlplanev1.Setting, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s *controlplanev1.Setting) bool { return isNamed(s.GetKey(), name) }) {
			return unknownSetting(name)
		}
	}
	out, rows := []settingJSON{}, [][]string{{"KEY", "VALUE", "DEFAULT", "DESCRIPTION"}}
	whole := len(names) == 1
	for _, s := range all {
		if len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return isNamed(s.GetKey(), name) }) {
			continue
		}
		value := firstOf(s.GetValue(), s.GetDefaultValue())
		out = append(out, settingJSON{Key: s.GetKey(), Value: json.RawMessage(value), Default: json.RawMessage(s.GetDefaultValue()),
			Type: s.GetType(), Set: s.GetSet(), Description: s.GetDescription()})
		shown := settingCell(s, value)
		if whole && s.GetKey() == names[0] && s.GetType() != string(setting.Secret) {
			shown = value
		}
		usual := ""
		if s.GetType() != string(setting.Secret) {
			usual = settingCell(s, s.GetDefaultValue())
		}
		rows = append(rows, []string{s.GetKey(), shown, usual, s.GetDescription()})
	}
	return c.print(out, rows)
}

// isNamed tells whether a key or the beginning of one names a setting.
func isNamed(key, name string) bool {
	return key == name || strings.HasPrefix(key, strings.TrimSuffix(name, ".")+".")
}

// widest is how much a table shows of a value.
const widest = 60

func settingCell(s *controlplanev1.Setting, value string) string {
	if s.GetType() == string(setting.Secret) {
		if s.GetSet() {
			return "(set)"
		}
		return "(not set)"
	}
	if runes := []rune(value); len(runes) > widest {
		return string(runes[:widest-1]) + "…"
	}
	return value
}

func unknownSetting(key string) error {
	return &cliError{Code: exitUsage, Reason: "UNKNOWN_SETTING", Message: fmt.Sprintf("There is no setting %q.", key),
		Hint: "\"fluxbase projects settings get REF\" lists them."}
}

// parseSettings reads key=value arguments into JSON values of the settings' types.
func (c *cli) parseSettings(known []*controlplanev1.Setting, args []string) (map[string]string, error) {
	types := map[string]string{}
	for _, s := range known {
		types[s.GetKey()] = s.GetType()
	}
	values, piped := map[string]string{}, ""
	for _, arg := range args {
		key, raw, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("%q is not of the form KEY=VALUE", arg)}
		}
		kind, exists := types[key]
		if !exists {
			return nil, unknownSetting(key)
		}
		if _, twice := values[key]; twice {
			return nil, usageError{fmt.Errorf("%s is given twice", key)}
		}
		if raw == "-" {
			if piped != "" {
				return nil, usageError{fmt.Errorf("%s and %s cannot both be read from the standard input", piped, key)}
			}
			piped = key
		}
		if raw == "-" || strings.HasPrefix(raw, "@") {
			content, err := c.settingContent(key, raw)
			if err != nil {
				return nil, err
			}
			values[key] = settingText(setting.Type(kind), content)
			continue
		}
		if setting.Type(kind) == setting.Secret && raw != "" && raw != `""` {
			c.say("%s was given on the command line, where the shell's history and other users of this machine see it. Better: %s=- and the secret by the standard input.", key, key)
		}
		values[key] = settingValue(setting.Type(kind), raw)
	}
	return values, nil
}

// settingContent reads a value from the standard input (-) or from a file (@FILE).
func (c *cli) settingContent(key, from string) (string, error) {
	var content []byte
	var err error
	if name, isFile := strings.CutPrefix(from, "@"); isFile {
		content, err = os.ReadFile(name)
	} else {
		content, err = io.ReadAll(c.in)
	}
	if err != nil {
		return "", usageError{fmt.Errorf("%s: %w", key, err)}
	}
	if strings.TrimSpace(string(content)) == "" {
		return "", usageError{fmt.Errorf("there is nothing to read for %s; %s= sets it back to its default", key, key)}
	}
	return string(content), nil
}

// settingText makes JSON of what was read: a text as it is, a line without its end, anything else as if it was typed.
func settingText(kind setting.Type, content string) string {
	switch kind {
	case setting.Text:
		return toJSON(content)
	case setting.String, setting.Secret:
		return toJSON(strings.TrimRight(content, "\r\n"))
	}
	return settingValue(kind, strings.TrimSpace(content))
}

// settingValue makes JSON of what a person typed. What it cannot read it passes on: the server knows the setting's rules
// and says what is wrong.
func settingValue(kind setting.Type, raw string) string {
	switch {
	case raw == "":
		return ""
	case kind == setting.String || kind == setting.Text || kind == setting.Secret:
		var s string
		if json.Unmarshal([]byte(raw), &s) == nil {
			return raw
		}
		return toJSON(raw)
	case kind == setting.StringList:
		var list []string
		if json.Unmarshal([]byte(raw), &list) == nil && strings.HasPrefix(raw, "[") {
			return raw
		}
		list = nil
		for part := range strings.SplitSeq(raw, ",") {
			list = append(list, strings.TrimSpace(part))
		}
		return toJSON(list)
	case json.Valid([]byte(raw)):
		return raw
	}
	return toJSON(raw)
}

func toJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and lists of strings always encode
	}
	return string(raw)
}

// atLeast checks that the first arguments are there; more may follow.
func atLeast(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return takes(names...)(cmd, args[:min(len(args), len(names))])
	}
}
