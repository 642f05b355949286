package query

// parseOrder parses "a.desc.nullslast,b".
func parseOrder(value string) ([]Order, error) {
	s := scanner{in: value, what: "order parameter"}
	var out []Order
	for {
		s.spaces()
		var o Order
		var err error
		if o.Field, err = s.field(); err != nil {
			return nil, err
		}
		if s.peek() == '(' {
			return nil, Unsupported("Ordering by a related table is not built yet.")
		}
		switch {
		case s.takeString(".desc"):
			o.Descending = true
		case s.takeString(".asc"):
		}
		switch {
		case s.takeString(".nullsfirst"):
			o.Nulls = "first"
		case s.takeString(".nullslast"):
			o.Nulls = "last"
		}
		out = append(out, o)
		s.spaces()
		if s.done() {
			return out, nil
		}
		if !s.take(',') || len(out) > maxNodes {
			return nil, s.fail("Each key is a column, then .asc or .desc, then .nullsfirst or .nullslast; commas stand between.")
		}
	}
}
