package openapi

import (
	_ "embed"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

// Right is what a caller may do with a relation or function.
type Right uint8

// The rights. Use is any privilege on a relation, or the one to execute a function.
const (
	Use Right = 1 << iota
	Select
	Insert
	Update
	Delete
	all = Use | Select | Insert | Update | Delete
)

// Rights are those of a caller, by the oid of relation or function. What is not there may not be used.
type Rights map[uint32]Right

//go:embed privileges.sql
var privilegesSQL string

// Privileges is the statement that asks what its role may do with the objects of a schema. It runs no code of the project's.
func Privileges(s *catalog.Schema) projectdb.Statement {
	relations := make([]int64, 0, len(s.Relations))
	for _, r := range s.Relations {
		relations = append(relations, int64(r.OID))
	}
	var functions []int64
	for _, overloads := range s.Functions {
		for _, f := range overloads {
			functions = append(functions, int64(f.OID))
		}
	}
	return projectdb.Statement{SQL: privilegesSQL, Args: []any{relations, functions}, Plain: true}
}

// ReadRights reads the rows of Privileges. With ignore, all that there is may be used.
func ReadRights(rows pgx.Rows, ignore bool) (Rights, error) {
	out := Rights{}
	for rows.Next() {
		var oid, rights int64
		if err := rows.Scan(&oid, &rights); err != nil {
			return nil, err
		}
		if ignore {
			rights = int64(all)
		}
		if rights != 0 {
			out[uint32(oid)] |= Right(rights)
		}
	}
	return out, rows.Err()
}
