package sigv4

import (
	"slices"
	"strconv"
	"strings"
)

// canonical is the text whose hash is signed.
func (s *Signature) canonical(path string) string {
	var b strings.Builder
	b.WriteString(s.request.Method)
	b.WriteByte('\n')
	b.WriteString(path)
	b.WriteByte('\n')
	s.writeQuery(&b)
	b.WriteByte('\n')
	for _, name := range s.signed {
		b.WriteString(name)
		b.WriteByte(':')
		b.WriteString(s.header(name))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.WriteString(strings.Join(s.signed, ";"))
	b.WriteByte('\n')
	b.WriteString(s.payload)
	return b.String()
}

// paths are the ways in which clients write the path into what they sign: escaped by AWS's rule, or as they send it. Both say the same path.
func (s *Signature) paths() []string {
	strict := escape(s.Path, true)
	if strict == s.rawPath {
		return []string{strict}
	}
	return []string{strict, s.rawPath}
}

func (s *Signature) writeQuery(b *strings.Builder) {
	pairs := make([]string, 0, len(s.Query))
	for name, values := range s.Query {
		if s.Presigned && name == "X-Amz-Signature" {
			continue
		}
		for _, value := range values {
			pairs = append(pairs, escape(name, false)+"="+escape(value, false))
		}
	}
	// By name, then by value: "=" sorts after digits and before letters, so that the pairs cannot be compared whole.
	slices.SortFunc(pairs, func(x, y string) int {
		xName, xValue, _ := strings.Cut(x, "=")
		yName, yValue, _ := strings.Cut(y, "=")
		if order := strings.Compare(xName, yName); order != 0 {
			return order
		}
		return strings.Compare(xValue, yValue)
	})
	b.WriteString(strings.Join(pairs, "&"))
}

// header is a signed header's value as it was signed. Some are not among the headers of a request in Go.
func (s *Signature) header(name string) string {
	switch name {
	case "host":
		return s.request.Host
	case "content-length":
		if s.request.ContentLength < 0 {
			return ""
		}
		return strconv.FormatInt(s.request.ContentLength, 10)
	case "transfer-encoding":
		return strings.Join(s.request.TransferEncoding, ",")
	}
	values := s.request.Header.Values(name)
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = strings.Join(strings.FieldsFunc(value, func(c rune) bool { return c == ' ' }), " ")
	}
	return strings.Join(out, ",")
}

const upperHex = "0123456789ABCDEF"

// escape writes text by AWS's rule: all but letters, digits and -._~ is escaped, in a path all but slashes besides.
func escape(text string, path bool) string {
	var b strings.Builder
	b.Grow(len(text) + 16)
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' || path && c == '/' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
	return b.String()
}
