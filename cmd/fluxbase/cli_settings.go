package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// settingJSON is a setting as scripts see it.
type settingJSON struct {
	Key         string          `json:"key"`
	Value       json.RawMessage `json:"value"`
	Default     json.RawMessage `json:"default"`
	Type        string          `json:"type"`
	Description string          `json:"description"`
}

func (c *cli) settingsCommand() *cobra.Command {
	return group("settings", "Read and change a project's settings", c.settingsGetCommand(), c.settingsSetCommand())
}

func (c *cli) settingsGetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "get REF [KEY…]", Short: "Show a project's settings: all, or the ones named",
		Example: `  fluxbase projects settings get abcdefghijklmnopqrst
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
		Long: "Change settings of a project. VALUE is JSON, a bare string, or for lists words between commas. KEY= sets back to the default.",
		Example: `  fluxbase projects settings set abcdefghijklmnopqrst rest.max_rows=500 rest.schemas=public,api
  fluxbase projects settings set abcdefghijklmnopqrst auth.site_url=https://app.example.com auth.autoconfirm=false
  fluxbase projects settings set abcdefghijklmnopqrst rest.max_rows=`,
		Args: atLeast("REF", "KEY=VALUE"),
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			got, err := s.projects().GetSettings(ctx, &controlplanev1.GetSettingsRequest{Ref: args[0]})
			if err != nil {
				return err
			}
			values, err := parseSettings(got.GetSettings(), args[1:])
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

// printSettings prints the settings named by keys, or all.
func (c *cli) printSettings(all []*controlplanev1.Setting, keys []string) error {
	for _, key := range keys {
		if !slices.ContainsFunc(all, func(s *controlplanev1.Setting) bool { return s.GetKey() == key }) {
			return unknownSetting(key)
		}
	}
	out, rows := []settingJSON{}, [][]string{{"KEY", "VALUE", "DEFAULT", "DESCRIPTION"}}
	for _, s := range all {
		if len(keys) > 0 && !slices.Contains(keys, s.GetKey()) {
			continue
		}
		value := firstOf(s.GetValue(), s.GetDefaultValue())
		out = append(out, settingJSON{Key: s.GetKey(), Value: json.RawMessage(value), Default: json.RawMessage(s.GetDefaultValue()),
			Type: s.GetType(), Description: s.GetDescription()})
		rows = append(rows, []string{s.GetKey(), value, s.GetDefaultValue(), s.GetDescription()})
	}
	return c.print(out, rows)
}

func unknownSetting(key string) error {
	return &cliError{Code: exitUsage, Reason: "UNKNOWN_SETTING", Message: fmt.Sprintf("There is no setting %q.", key),
		Hint: "\"fluxbase projects settings get REF\" lists them."}
}

// parseSettings reads key=value arguments into JSON values of the settings' types.
func parseSettings(known []*controlplanev1.Setting, args []string) (map[string]string, error) {
	types := map[string]string{}
	for _, s := range known {
		types[s.GetKey()] = s.GetType()
	}
	values := map[string]string{}
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
		values[key] = settingValue(setting.Type(kind), raw)
	}
	return values, nil
}

// settingValue makes JSON of what a person typed. What it cannot read it passes on: the server knows the setting's rules
// and says what is wrong.
func settingValue(kind setting.Type, raw string) string {
	switch {
	case raw == "":
		return ""
	case kind == setting.String:
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
