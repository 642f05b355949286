package sqlgen

import "github.com/wayli-app/fluxbase/dataplane/rest/plan"

// scope is a source of rows that is being written of: its alias and what is read from it.
type scope struct {
	alias string
	// read is nil for the target of a write, whose conditions know no embeds.
	read   *plan.Read
	parent *scope
}

// sourceAlias is what the rows of a read's source are called in SQL; Postgres names it in messages.
func sourceAlias(r *plan.Read) string { panic("to come") }

// rows writes "select <form> from (<read>)", where from writes the FROM item of the read's source, its alias sourceAlias(r) included:
// for example `"public"."items" as "items"`.
func (b *builder) rows(r *plan.Read, f plan.Form, from func()) { panic("to come") }

// where writes " where …", or nothing. For a write the scope is &scope{alias: "items"}.
func (b *builder) where(s *scope, list []plan.Condition) { panic("to come") }

// order writes " order by …", or nothing.
func (b *builder) order(s *scope, list []plan.Order) { panic("to come") }

// window writes " limit … offset …", or nothing; negative is none.
func (b *builder) window(limit, offset int64) { panic("to come") }
