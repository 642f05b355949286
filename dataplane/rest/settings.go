package rest

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// knownConfigs bounds how many projects' configurations are kept.
const knownConfigs = 4096

// ProjectConfigs returns a function that tells how a hosted project wants REST to behave. It remembers what it told of a snapshot.
func ProjectConfigs() func(*projectdb.Session) *engine.Config {
	type known struct {
		project *directory.Project
		config  *engine.Config
	}
	configs, _ := lru.New[string, known](knownConfigs)
	return func(s *projectdb.Session) *engine.Config {
		if k, ok := configs.Get(s.Project.Ref); ok && k.project == s.Project {
			return k.config
		}
		c := ProjectConfig(s.Project.Settings)
		configs.Add(s.Project.Ref, known{s.Project, c})
		return c
	}
}

// ProjectConfig is what a project's settings say.
func ProjectConfig(v setting.Values) *engine.Config {
	return &engine.Config{
		Exposure: catalog.Exposure{
			Schemas: setting.Get[[]string](v, "rest.schemas"), ExtraSearchPath: setting.Get[[]string](v, "rest.extra_search_path"),
		},
		MaxRows:       setting.Get[int64](v, "rest.max_rows"),
		Aggregates:    setting.Get[bool](v, "rest.aggregates_enabled"),
		Plans:         setting.Get[bool](v, "rest.plan_enabled"),
		PreRequest:    setting.Get[string](v, "rest.pre_request"),
		TxEnd:         setting.Get[string](v, "rest.tx_end"),
		OpenAPIMode:   setting.Get[string](v, "rest.openapi_mode"),
		RequireFilter: setting.Get[bool](v, "rest.require_filter"),
		MaxDepth:      int(setting.Get[int64](v, "rest.max_embed_depth")),
		MaxCost:       float64(setting.Get[int64](v, "rest.max_query_cost")),
		Security:      true,
		GrantHints:    true,
		LegacyNames:   setting.Get[bool](v, "rest.legacy_target_names"),
		ServerTiming:  setting.Get[bool](v, "rest.server_timing"),
	}
}
