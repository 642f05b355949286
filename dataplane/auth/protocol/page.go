package protocol

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// The pages of a list.
const (
	defaultPage = 50
	largestPage = 1000
)

// Page is which part of a list is asked for: by page, from 1, and per_page, up to 1,000.
type Page struct{ Number, Size int }

// PageOf reads the page that a request asks for.
func PageOf(r *http.Request) (Page, error) {
	out := Page{1, defaultPage}
	for name, into := range map[string]*int{"page": &out.Number, "per_page": &out.Size} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1_000_000_000 {
			return out, ErrValidation("Bad Pagination Parameters: %s must be a number from 1", name)
		}
		*into = n
	}
	out.Size = min(out.Size, largestPage)
	return out, nil
}

// Offset is how many entries come before the page.
func (p Page) Offset() int64 { return int64(p.Number-1) * int64(p.Size) }

// Write tells the length of the whole list, and where its next and last pages are.
func (p Page) Write(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, total int) {
	last := max((total+p.Size-1)/p.Size, 1)
	others := r.URL.Query()
	others.Del("page")
	others.Del("per_page")
	link := func(number int, rel string) string {
		// The page comes first, where clients look for it.
		address := fmt.Sprintf("%s/auth/v1%s?page=%d&per_page=%d", strings.TrimSuffix(bound.Project.URL, "/"), r.URL.Path, number, p.Size)
		if rest := others.Encode(); rest != "" {
			address += "&" + rest
		}
		return "<" + address + `>; rel="` + rel + `"`
	}
	links := []string{link(last, "last")}
	if p.Number < last {
		links = []string{link(p.Number+1, "next"), links[0]}
	}
	w.Header().Set("X-Total-Count", strconv.Itoa(total))
	w.Header().Set("Link", strings.Join(links, ", "))
}
