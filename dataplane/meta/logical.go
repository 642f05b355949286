package meta

import (
	"regexp"

	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// unknownSchema finds the logical name of a schema in what Postgres says of a thing that it does not know or does not show.
var unknownSchema = regexp.MustCompile(`^(?:permission denied for schema |schema "|(?:relation|type) "|function )(public|auth|storage|realtime|extensions|supabase_migrations)\b`)

// hintOfSchema tells what a schema is called in a shared database, when SQL was refused that names it as other projects do.
func hintOfSchema(p *directory.Project, message string) string {
	found := unknownSchema.FindStringSubmatch(message)
	if !p.Shared || found == nil {
		return ""
	}
	name := p.Schema(found[1])
	if found[1] == "public" {
		return "In a shared database this project's schema public is called " + name + ", and is where names without a schema are looked for: leave \"public.\" out, or write " + name + "."
	}
	return "In a shared database this project's schema " + found[1] + " is called " + name + ": write that instead."
}
