package query

// parseOrder parses "a.desc.nullslast,b->>c,relation(d).asc".
func parseOrder(value string) ([]Order, error) {
	s := scanner{in: value, what: "order"}
	var out []Order
	for {
		s.spaces()
		o, err := s.order()
		if err != nil {
			return nil, err
		}
		out = append(out, o)
		s.spaces()
		switch {
		case s.done():
			return out, nil
		case !s.take(','):
			return nil, s.failEnd(s.at, s.afterOrder(o)...)
		case len(out) > maxNodes:
			return nil, s.excess("It has too many keys.")
		}
	}
}

func (s *scanner) order() (o Order, err error) {
	if o.Field, err = s.field(); err != nil {
		return o, err
	}
	if len(o.Path) == 0 && s.take('(') {
		o.Relation = o.Column
		if o.Field, err = s.field(); err != nil {
			return o, err
		}
		if !s.take(')') {
			return o, s.fail(s.at, `")"`)
		}
	}
	switch {
	case s.takeString(".desc"):
		o.Direction = "desc"
	case s.takeString(".asc"):
		o.Direction = "asc"
	}
	switch {
	case s.takeString(".nullsfirst"):
		o.Nulls = "first"
	case s.takeString(".nullslast"):
		o.Nulls = "last"
	}
	return o, nil
}

// afterOrder names what could stand after a key besides its end.
func (s *scanner) afterOrder(o Order) []string {
	if s.peek() == '.' && o.Nulls == "" {
		if o.Direction == "" {
			return []string{`"asc"`, `"desc"`, `"nullsfirst"`, `"nullslast"`}
		}
		return []string{`"nullsfirst"`, `"nullslast"`}
	}
	return []string{`","`}
}
