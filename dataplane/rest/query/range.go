package query

import (
	"math"
	"strconv"
	"strings"
)

// ParseRange reads a Range header of items, "0-9" or "10-". It returns negative numbers for what is not given, and ok false for
// one that asks for nothing. What is no range of items is as if not given, as HTTP says.
func ParseRange(header string) (offset, limit int64, ok bool) {
	from, to, dash := strings.Cut(strings.TrimPrefix(header, "items="), "-")
	low, err := bound(from)
	if !dash || err != nil {
		return -1, -1, true
	}
	if to == "" {
		return low, -1, true
	}
	high, err := bound(to)
	switch {
	case err != nil:
		return -1, -1, true
	case high < low:
		return 0, 0, false
	case high-low == math.MaxInt64:
		return low, -1, true
	}
	return low, high - low + 1, true
}

// bound reads digits; a number that is too large is the largest.
func bound(s string) (int64, error) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, strconv.ErrSyntax
		}
	}
	n, ok := number(s)
	if !ok {
		return 0, strconv.ErrSyntax
	}
	return n, nil
}

// Window narrows the target's limit and offset to a Range header, which counts in GET requests only. It refuses one that asks for
// nothing, and one that has nothing in common with limit and offset. "limit=0" is never narrowed.
func (q *Query) Window(header string) error {
	if header == "" {
		return nil
	}
	offset, limit, ok := ParseRange(header)
	switch {
	case !ok:
		return rangeError("The lower boundary must be lower than or equal to the upper boundary in the Range header.")
	case offset < 0 || q.Limit == 0:
		return nil
	}
	start := max(offset, q.Offset, 0)
	end := min(end(offset, limit), end(max(q.Offset, 0), q.Limit))
	if end <= start && end != math.MaxInt64 {
		return rangeError("Limit should be greater than or equal to zero.")
	}
	if q.Offset = start; end != math.MaxInt64 {
		q.Limit = end - start
	}
	return nil
}

// end is the first row after a window, or the largest number for one without end.
func end(offset, limit int64) int64 {
	if limit < 0 || offset > math.MaxInt64-limit {
		return math.MaxInt64
	}
	return offset + limit
}
