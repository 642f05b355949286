package openapi

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

// prefix is where the API is, below the project's root.
const prefix = "/api/v1"

// Document writes the description of /api/v1 and of the project's other services, in OpenAPI 3.1.
func Document(s *Source) []byte {
	title, description := headline(s.Schema.Comment)
	if title == "" || title == "standard public schema" { // Postgres' own words
		title = "Project API"
	}
	info := object{{"title", title}}
	info.text("description", description)
	info.set("version", s.Version)
	d := document{Source: s, ids: identifiers{}, schemas: object{{"Error", errorSchema}}}
	for _, p := range services { // their names first
		for _, m := range p.Schemas {
			d.ids.of(m.key)
		}
	}
	d.ids.of("Error")
	tags := []any{object{{"name", "tables"}, {"description", "Tables and views."}}, object{{"name", "functions"}, {"description", "Functions of the database."}},
		object{{"name", "transactions"}, {"description", "Several operations, all or none."}}, object{{"name", "description"}, {"description", "This document."}}}
	for _, r := range s.relations() {
		d.relation(r)
	}
	for _, f := range s.functions() {
		d.function(f)
	}
	d.paths.set(prefix+"/transaction", transactionPath)
	d.paths.set(prefix+"/openapi.json", documentPath)
	responses := object{{"Error", errorResponse}}
	for _, p := range services {
		tags = append(tags, p.Tag)
		d.paths = append(d.paths, p.Paths...)
		d.schemas = append(d.schemas, p.Schemas...)
		responses = append(responses, p.Responses...)
	}
	return appendValue(nil, object{
		{"openapi", "3.1.0"}, {"info", info}, {"servers", []object{{{"url", s.Base}}}},
		{"security", []object{{{"apikey", []string{}}}, {{"apikey", []string{}}, {"bearer", []string{}}}}},
		{"tags", tags}, {"paths", d.paths},
		{"components", object{
			{"schemas", d.schemas}, {"responses", responses}, {"parameters", commonParameters},
			{"securitySchemes", object{
				{"apikey", object{{"type", "apiKey"}, {"in", "header"}, {"name", "apikey"}, {"description", "A key of the project."}}},
				{"bearer", object{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}, {"description", "A user's access token."}}},
			}},
		}},
	})
}

// document is one that is being written.
type document struct {
	*Source
	ids            identifiers
	paths, schemas object
}

// Shared pieces.
var (
	errorSchema = object{{"type", "object"}, {"required", []string{"error"}}, {"properties", object{{"error", object{
		{"type", "object"}, {"required", []string{"code", "message"}}, {"properties", object{
			{"code", object{{"type", "string"}, {"description", "A stable name in upper case."}}},
			{"message", object{{"type", "string"}}}, {"hint", object{{"type", "string"}}},
			{"details", object{}}, {"database_code", object{{"type", "string"}, {"description", "The SQLSTATE, of errors of the database."}}},
			{"operation", object{{"type", "integer"}, {"description", "The index of the operation at fault, in a transaction."}}},
			{"fields", object{{"type", "array"}, {"items", object{{"type", "object"}, {"required", []string{"field", "message"}}, {"properties", object{
				{"field", object{{"type", "string"}}}, {"message", object{{"type", "string"}}}}}}}}},
		}}}}}}}
	errorResponse = object{{"description", "A refusal: what was wrong, and what to do."}, {"content", object{{"application/json",
		object{{"schema", ref("#/components/schemas/Error")}}}}}}
	refusals         = member{"default", ref("#/components/responses/Error")}
	commonParameters = object{
		{"select", inQuery("select", "What to return: columns, related tables as relation(columns), aggregates as count(*) or sum(column).")},
		{"order", inQuery("order", "Keys of the order: column.asc or column.desc, commas between; sort is the same.")},
		{"limit", object{{"name", "limit"}, {"in", "query"}, {"description", "The most rows to return."}, {"schema", object{{"type", "integer"}, {"minimum", 0}}}}},
		{"offset", object{{"name", "offset"}, {"in", "query"}, {"description", "How many rows to leave out first."}, {"schema", object{{"type", "integer"}, {"minimum", 0}}}}},
		{"count", object{{"name", "count"}, {"in", "query"}, {"description", "Count all rows that match, into X-Total-Count."},
			{"schema", object{{"type", "string"}, {"enum", []string{"exact", "planned", "estimated"}}}}}},
		{"group_by", inQuery("group_by", "Columns to group by, commas between; with aggregates in select.")},
		{"on_conflict", inQuery("on_conflict", "Columns of a unique key: a row that has the same is changed instead.")},
	}
	transactionPath = object{{"post", object{
		{"operationId", "transaction"}, {"tags", []string{"transactions"}}, {"summary", "Run several operations, all or none"},
		{"description", "Later operations may use results of earlier ones, by {\"$ref\": \"id.0.column\"}."},
		{"requestBody", object{{"required", true}, {"content", object{{"application/json", object{{"schema", object{{"type", "array"}, {"maxItems", 100}, {"items", object{
			{"type", "object"}, {"required", []string{"op"}}, {"properties", object{
				{"id", object{{"type", "string"}}}, {"op", object{{"type", "string"}, {"enum", []string{"insert", "update", "upsert", "delete", "select", "rpc"}}}},
				{"table", object{{"type", "string"}}}, {"fn", object{{"type", "string"}}}, {"data", object{}}, {"args", object{{"type", "object"}}},
				{"filters", object{{"type", "object"}}}, {"select", object{{"type", "string"}}}, {"order", object{{"type", "string"}}},
				{"limit", object{{"type", "integer"}}}, {"offset", object{{"type", "integer"}}}, {"on_conflict", object{{"type", "string"}}}, {"returning", object{{"type", []string{"boolean", "string"}}}},
			}}}}}}}}}}}},
		{"responses", object{{"200", jsonResponse("What each operation returned.", object{{"type", "object"}, {"properties", object{{"results", object{{"type", "array"}, {"items", object{{"type", "object"}}}}}}}})}, refusals}},
	}}}
	documentPath = object{{"get", object{{"operationId", "openapi"}, {"tags", []string{"description"}}, {"summary", "This document"},
		{"responses", object{{"200", jsonResponse("OpenAPI 3.1.", object{{"type", "object"}})}, refusals}}}}}
)

func inQuery(name, description string) object {
	return object{{"name", name}, {"in", "query"}, {"description", description}, {"schema", object{{"type", "string"}}}}
}

func jsonResponse(description string, schema object) object {
	return object{{"description", description}, {"content", object{{"application/json", object{{"schema", schema}}}}}}
}

// reserved are parameters that are no columns.
var reserved = []string{"select", "order", "sort", "limit", "offset", "count", "group_by", "on_conflict", "columns", "and", "or", "not.and", "not.or", "apikey"}

func common(names ...string) []object {
	out := make([]object, len(names))
	for i, name := range names {
		out[i] = ref("#/components/parameters/" + name)
	}
	return out
}

// relation describes a table or view, and its rows.
func (d *document) relation(r *catalog.Relation) {
	rights := d.Rights[r.OID]
	id := d.ids.of(r.Name)
	d.schemas.set(id, d.rowSchema(r))
	row := ref("#/components/schemas/" + id)
	var filters []object
	for _, c := range r.Columns {
		if !slices.Contains(reserved, c.Name) {
			filters = append(filters, inQuery(c.Name, "A filter: an operator, a dot and a value, for example eq."+example(c)+"."))
		}
	}
	list := object{{"type", "array"}, {"items", row}}
	path := prefix + "/tables/" + url.PathEscape(r.Name)
	var many, one object
	if rights&Select != 0 {
		rows := jsonResponse("The rows. Content-Range and Link tell where they stand among all.", list)
		rows[1].value = append(rows[1].value.(object), member{"application/x-ndjson", object{{"schema", row}}})
		window := common("select", "order", "limit", "offset", "count")
		if d.Aggregates {
			window = append(window, common("group_by")...)
		}
		many.set("get", d.operation(r, "list", "List rows", append(window, filters...), nil,
			object{{"200", rows}, {"304", object{{"description", "Not modified."}}}, refusals}))
		one.set("get", d.operation(r, "get", "Get a row", common("select"), nil,
			object{{"200", jsonResponse("The row.", row)}, {"304", object{{"description", "Not modified."}}}, refusals}))
	}
	if !IsView(r) {
		d.writes(r, rights, &many, &one, id, filters)
	}
	if len(many) > 0 {
		d.paths.set(path, append(many, d.profile()...))
	}
	if key := keyOf(r); key != nil && len(one) > 0 {
		parameters := []object{{{"name", "id"}, {"in", "path"}, {"required", true},
			{"description", "The primary key: " + strings.Join(r.PrimaryKey(), ",") + "."}, {"schema", keySchema(key)}}}
		one.set("parameters", append(parameters, d.profiles()...))
		d.paths.set(path+"/{id}", one)
	}
}

// profiles are the headers that name the schema, where they must.
func (d *document) profiles() []object {
	if !d.Named {
		return nil
	}
	out := make([]object, 0, 2)
	for _, header := range []string{"Accept-Profile", "Content-Profile"} {
		out = append(out, object{{"name", header}, {"in", "header"}, {"required", true}, {"schema", object{{"type", "string"}, {"const", d.Schema.Name}}}})
	}
	return out
}

// profile is profiles as a member of a path, or none.
func (d *document) profile() object {
	if !d.Named {
		return nil
	}
	return object{{"parameters", d.profiles()}}
}

func keySchema(key []*catalog.Column) object {
	if len(key) > 1 {
		return object{{"type", "string"}}
	}
	return schemaOf(columnBase(key[0]), nil, false)
}

// writes describes what may be written of a table.
func (d *document) writes(r *catalog.Relation, rights Right, many, one *object, id string, filters []object) {
	row := ref("#/components/schemas/" + id)
	list := object{{"type", "array"}, {"items", row}}
	body := func(schema object) object {
		return object{{"required", true}, {"content", object{{"application/json", object{{"schema", schema}}}}}}
	}
	var fresh, change object
	if rights&Insert != 0 && r.Insertable {
		name := d.ids.of(id + ".new")
		d.schemas.set(name, d.inputSchema(r, true))
		fresh = ref("#/components/schemas/" + name)
		many.set("post", d.operation(r, "create", "Create rows", common("select", "on_conflict"),
			body(object{{"anyOf", []any{fresh, object{{"type", "array"}, {"items", fresh}}}}}),
			object{{"201", jsonResponse("What was created: a row for an object, an array for an array.", object{{"anyOf", []any{row, list}}})}, {"204", object{{"description", "Done; with Prefer: return=minimal."}}}, refusals}))
	}
	if rights&Update != 0 && r.Updatable {
		name := d.ids.of(id + ".change")
		d.schemas.set(name, d.inputSchema(r, false))
		change = ref("#/components/schemas/" + name)
		many.set("patch", d.operation(r, "updateMany", "Change the rows that match", append(common("select"), filters...), body(change),
			object{{"200", jsonResponse("The rows as they are now.", list)}, {"204", object{{"description", "Done; with Prefer: return=minimal."}}}, refusals}))
		one.set("patch", d.operation(r, "update", "Change a row", common("select"), body(change), object{{"200", jsonResponse("The row as it is now.", row)}, refusals}))
		if fresh != nil {
			one.set("put", d.operation(r, "put", "Create or replace a row", common("select"), body(change),
				object{{"200", jsonResponse("The row that was replaced.", row)}, {"201", jsonResponse("The row that was created.", row)}, refusals}))
		}
	}
	if rights&Delete != 0 && r.Deletable {
		gone := object{{"204", object{{"description", "Deleted."}}}, refusals}
		many.set("delete", d.operation(r, "deleteMany", "Delete the rows that match", filters, nil, gone))
		one.set("delete", d.operation(r, "delete", "Delete a row", nil, nil, gone))
	}
}

func (d *document) operation(r *catalog.Relation, verb, summary string, parameters []object, body, responses object) object {
	out := object{{"operationId", d.ids.of(verb + "." + r.Name)}, {"tags", []string{"tables"}}, {"summary", summary + " of " + r.Name}}
	if parameters != nil {
		out.set("parameters", parameters)
	}
	if body != nil {
		out.set("requestBody", body)
	}
	out.set("responses", responses)
	return out
}

func example(c *catalog.Column) string {
	switch typeOf(columnBase(c)) {
	case "integer", "number":
		return "5"
	case "boolean":
		return "true"
	}
	return "x"
}

// function describes a function.
func (d *document) function(f *catalog.Function) {
	var required []string
	properties := make(object, 0, len(f.Arguments))
	var parameters []object
	for i := range f.Arguments {
		a := &f.Arguments[i]
		if a.Name == "" {
			continue
		}
		schema := schemaOf(argumentBase(a), nil, true)
		if a.Required {
			required = append(required, a.Name)
		}
		schema.set("x-postgres-type", d.names().shown(a.Type))
		properties.set(a.Name, schema)
		parameters = append(parameters, object{{"name", a.Name}, {"in", "query"}, {"required", a.Required}, {"schema", object{{"type", "string"}}}})
	}
	body := object{{"type", "object"}, {"properties", properties}}
	if required != nil {
		body.set("required", required)
	}
	summary, description := headline(f.Comment)
	operation := func(verb string) object {
		out := object{{"operationId", d.ids.of(verb + "." + f.Name)}, {"tags", []string{"functions"}}}
		out.set("summary", cmp.Or(summary, "Call "+f.Name))
		out.text("description", description)
		return out
	}
	responses := object{{"200", jsonResponse("What it returned.", d.result(f))}, refusals}
	if f.Returns == "void" {
		responses = object{{"204", object{{"description", "Done."}}}, refusals}
	}
	var path object
	if f.Volatility != "v" {
		get := operation("read")
		get.set("parameters", parameters)
		get.set("responses", responses)
		path.set("get", get)
	}
	post := operation("call")
	post.set("requestBody", object{{"required", required != nil}, {"content", object{{"application/json", object{{"schema", body}}}}}})
	post.set("responses", responses)
	path.set("post", post)
	d.paths.set(prefix+"/rpc/"+url.PathEscape(f.Name), append(path, d.profile()...))
}

// result describes what a function returns.
func (d *document) result(f *catalog.Function) object {
	one := object{}
	if f.Returns == "scalar" {
		base := f.Base
		if base == "" {
			base = f.Type
		}
		one = schemaOf(bare(base), nil, true)
	}
	if f.Set {
		return object{{"type", "array"}, {"items", one}}
	}
	return one
}
