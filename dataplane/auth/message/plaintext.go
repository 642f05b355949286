package message

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plainText makes the text alternative of a mail: the words, a line for each block, and behind each link its address.
func plainText(document string) string {
	tokens := html.NewTokenizer(strings.NewReader(document))
	var out reading
	for {
		switch tokens.Next() {
		case html.ErrorToken: // the end
			return out.String()
		case html.TextToken:
			out.text(string(tokens.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			out.open(token)
		case html.EndTagToken:
			out.close(tokens.Token().DataAtom)
		}
	}
}

// reading is what was read so far.
type reading struct {
	strings.Builder
	// hidden is the element whose text is not for readers.
	hidden atom.Atom
	// href is the address of the link that is open, and label where its words begin.
	href  string
	label int
	// lines are the line breaks that are due, space tells that a space is.
	lines int
	space bool
}

func (r *reading) text(s string) {
	if r.hidden != 0 {
		return
	}
	words := strings.Fields(s)
	if len(words) == 0 {
		r.space = r.space || s != ""
		return
	}
	r.put(strings.Join(words, " "), strings.TrimLeft(s, " \t\r\n\u00a0") != s)
	r.space = strings.TrimRight(s, " \t\r\n\u00a0") != s
}

func (r *reading) put(s string, space bool) {
	switch {
	case r.Len() == 0:
	case r.lines > 0:
		r.WriteString(strings.Repeat("\n", min(r.lines, 2)))
	case space || r.space:
		r.WriteByte(' ')
	}
	r.lines, r.space = 0, false
	r.WriteString(s)
}

func (r *reading) open(t html.Token) {
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template:
		if r.hidden == 0 && t.Type == html.StartTagToken {
			r.hidden = t.DataAtom
		}
	case atom.Br, atom.Tr, atom.Hr:
		r.lines++
	case atom.Li:
		r.lines = max(r.lines, 1)
		r.put("-", false)
		r.space = true
	case atom.Img:
		r.text(attribute(t, "alt"))
	case atom.A:
		r.href, r.label = attribute(t, "href"), r.Len()
	default:
		if block(t.DataAtom) {
			r.lines = max(r.lines, 2)
		}
	}
}

func (r *reading) close(tag atom.Atom) {
	switch {
	case tag == r.hidden:
		r.hidden = 0
	case tag == atom.A && r.href != "":
		label := strings.TrimSpace(r.String()[min(r.label, r.Len()):])
		if address := strings.TrimPrefix(r.href, "mailto:"); label != address && !strings.HasPrefix(address, "#") {
			r.put(address, true)
		}
		r.href = ""
	case block(tag):
		r.lines = max(r.lines, 2)
	}
}

func block(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Table, atom.Ul, atom.Ol, atom.Blockquote, atom.Pre, atom.Section,
		atom.Header, atom.Footer, atom.Article:
		return true
	}
	return false
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}
