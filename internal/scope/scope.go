// Package scope names what an API key may be bounded to.
package scope

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is one thing that a key may do. The zero Scope is nothing in particular.
type Scope uint8

// The scopes.
const (
	TablesRead Scope = iota + 1
	TablesWrite
	StorageRead
	StorageWrite
	FunctionsInvoke
	RealtimeSubscribe
	AuthAdmin
	SQLRun
)

var names = [...]string{
	TablesRead: "tables:read", TablesWrite: "tables:write", StorageRead: "storage:read", StorageWrite: "storage:write",
	FunctionsInvoke: "functions:invoke", RealtimeSubscribe: "realtime:subscribe", AuthAdmin: "auth:admin", SQLRun: "sql:run",
}

// String is the scope's name.
func (s Scope) String() string {
	if int(s) < len(names) {
		return names[s]
	}
	return ""
}

// Names lists the scopes' names.
func Names() []string { return slices.Clone(names[TablesRead:]) }

// Set is the scopes of a key. The zero Set bounds nothing: it has all of them.
type Set uint16

const bounded Set = 1 << 15

// Of makes a set of names. Without names it bounds nothing; a name that is not known bounds, and adds nothing.
func Of(list []string) Set {
	var s Set
	for _, name := range list {
		s |= bounded
		if i := slices.Index(names[TablesRead:], name); i >= 0 {
			s |= 1 << i
		}
	}
	return s
}

// Bounded tells a set from that of a key that may do everything.
func (s Set) Bounded() bool { return s != 0 }

// Has reports whether the set lets a key do what needs a scope.
func (s Set) Has(one Scope) bool {
	return s == 0 || one != 0 && s&(1<<(one-1)) != 0
}

// Check sorts names and drops repeated ones, or says which is no scope.
func Check(list []string) ([]string, error) {
	out := slices.Clone(list)
	slices.Sort(out)
	out = slices.Compact(out)
	for _, name := range out {
		if name == "" || !slices.Contains(names[:], name) {
			return nil, fmt.Errorf("there is no scope %q; scopes are %s", name, strings.Join(Names(), ", "))
		}
	}
	return out, nil
}
