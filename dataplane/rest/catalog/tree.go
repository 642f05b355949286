package catalog

import (
	"bytes"
	"slices"
)

// firstOwn is the first object id that initdb does not give: what has a lower one came with the server.
const firstOwn = 16384

// target is the column that a view's column is, unchanged: of a table, or of another view.
type target struct {
	relation uint32
	column   int
}

// viewTargets reads the stored query of a view (pg_rewrite.ev_action) and returns the columns that the view's are, by attribute number
// minus one. What it does not understand is left out.
func viewTargets(tree []byte) []target {
	var out []target
	depth, listAt := 0, 0 // the list of the outermost query's targets is at this depth
	var entry target
	var place int
	var junk bool
	scanTree(tree, func(field, token []byte) {
		switch token[0] {
		case '(', '{':
			depth++
			if listAt == 0 && depth == 3 && token[0] == '(' && string(field) == ":targetList" {
				listAt = depth
			}
			if listAt > 0 && depth == listAt+1 {
				entry, place, junk = target{}, 0, false
			}
			return
		case ')', '}':
			if listAt > 0 && depth == listAt+1 && token[0] == '}' && !junk && place > 0 && place <= 1664 && entry.relation != 0 && entry.column > 0 {
				for len(out) < place {
					out = append(out, target{})
				}
				out[place-1] = entry
			}
			if depth == listAt {
				listAt = -1 // there is no second
			}
			depth--
			return
		}
		if listAt <= 0 || depth != listAt+1 {
			return
		}
		switch string(field) {
		case ":resno":
			place = int(number(token))
		case ":resorigtbl":
			entry.relation = uint32(number(token))
		case ":resorigcol":
			entry.column = int(number(token))
		case ":resjunk":
			junk = string(token) == "true"
		}
	})
	return out
}

// separates tells what ends a token.
var separates = [256]bool{' ': true, '\n': true, '\t': true, '(': true, ')': true, '{': true, '}': true}

// scanTree calls fn for each token of a stored expression, with the field that it belongs to: the last one before it.
func scanTree(tree []byte, fn func(field, token []byte)) {
	var field []byte
	for at := 0; at < len(tree); {
		c := tree[at]
		switch c {
		case ' ', '\n', '\t':
			at++
			continue
		case '(', ')', '{', '}':
			fn(field, tree[at:at+1])
			at++
			continue
		}
		start := at
		for at < len(tree) && !separates[tree[at]] {
			if tree[at] == '\\' {
				at++
			}
			at++
		}
		at = min(at, len(tree))
		if token := tree[start:at]; token[0] == ':' {
			field = token
		} else {
			fn(field, token)
		}
	}
}

// judgment is what a table's policies do, or what inserts run, as far as stored expressions tell.
type judgment struct {
	// functions are those that they call.
	functions []uint32
	// refused tells of what is not judged: other tables, domains, sequences, and whatever the project made but functions.
	refused bool
}

// calls adds the functions that are called.
func (j *judgment) calls(all map[uint32]bool) {
	if j == nil {
		return
	}
	for _, f := range j.functions {
		all[f] = true
	}
}

// harmless are fields whose numbers name nothing.
var harmless = map[string]bool{
	":location": true, ":stmt_location": true, ":stmt_len": true, ":constvalue": true, ":consttypmod": true, ":vartypmod": true, ":resulttypmod": true,
	":typmod": true, ":paramtypmod": true, ":collOid": true, ":constcollid": true, ":inputcollid": true, ":funccollid": true, ":opcollid": true,
	":varcollid": true, ":resultcollid": true, ":coercecollid": true,
}

// judge reads an expression. What it does not know for harmless, it refuses.
func (j *judgment) judge(tree []byte) {
	if bytes.Contains(tree, []byte(":relid ")) || bytes.Contains(tree, []byte("COERCETODOMAIN")) || bytes.Contains(tree, []byte("NEXTVALUEEXPR")) {
		j.refused = true
		return
	}
	scanTree(tree, func(field, token []byte) {
		if token[0] < '0' || token[0] > '9' {
			return
		}
		switch name := string(field); {
		case name == ":funcid" || name == ":opfuncid" || name == ":hashfuncid" || name == ":negfuncid" || name == ":aggfnoid" || name == ":winfnoid":
			if id := uint32(number(token)); id != 0 && !slices.Contains(j.functions, id) {
				j.functions = append(j.functions, id)
			}
		case !harmless[name] && number(token) >= firstOwn:
			j.refused = true
		}
	})
}
