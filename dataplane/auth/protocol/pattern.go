package protocol

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxPattern bounds a pattern of auth.redirect_urls, in bytes.
const maxPattern = 500

// known are the patterns of all projects, compiled. Where they are very many, those not used for long are compiled again.
var known, _ = lru.New[string, *pattern](8192) // the size is right

// compiled is a pattern as it is matched, or nil when it is none.
func compiled(text string) *pattern {
	if p, ok := known.Get(text); ok {
		return p
	}
	p := compile(text)
	known.Add(text, p)
	return p
}

// bits are a set of places in a pattern.
type bits []uint64

func (b bits) add(i int) { b[i/64] |= 1 << (i % 64) }

// pattern is a chain of places, each left by one character; at some it may stay. All places at which an address can be are followed at once, so that
// none takes longer than its length times the pattern's: a project chooses its patterns, and strangers the addresses.
type pattern struct {
	places int
	// leave are the places that a character leaves, of characters that the pattern names.
	leave map[byte]bits
	// one are the places that any character of a class leaves, stay those that it stays at.
	one, stay [classes]bits
	// ends are the places at which an address may end.
	ends bits
}

// Classes of characters that wildcards stand for.
const (
	inHost    = iota // within a host
	inLabel          // within a part of a host
	anything         // in what follows the host
	inSegment        // within a part of it
	afterHost        // what ends a host
	classes
)

// classesOf tells which classes a character is of.
func classesOf(c byte) (of [classes]bool) {
	dot, slash := c == '.', c == '/'
	of[anything], of[inSegment] = true, !dot && !slash
	of[inHost] = !slash && c != '?' && c != '#' && c != '@'
	of[inLabel] = of[inHost] && !dot
	of[afterHost] = slash || c == '?'
	return of
}

// compile reads a pattern: * is any characters but . and /, ** any, ? one but . and /. It matches whole addresses, with their query; a final / does not
// matter. Wildcards of the host never reach into the path, but for ** at its end, which takes all that follows: as everyone means https://example.com**,
// and not as it could be read, with example.com.evil.example.
func compile(text string) *pattern {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || scheme == "" || len(text) > maxPattern {
		return nil
	}
	scheme = strings.ToLower(scheme)
	words := (len(text)+1)/64 + 1 // a place after each character, and after a slash more
	p := &pattern{leave: map[byte]bits{}, ends: make(bits, words)}
	for class := range classes {
		p.one[class], p.stay[class] = make(bits, words), make(bits, words)
	}
	p.literal(scheme + ":")
	rest, hasHost := strings.CutPrefix(rest, "//")
	if !hasHost {
		p.wildcards(strings.TrimSuffix(rest, "/"), anything, inSegment)
		return p.end()
	}
	p.literal("//")
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	rest = rest[end:]
	open, isOpen := strings.CutSuffix(host, "**")
	if !isOpen || rest != "" {
		p.wildcards(withoutDefaultPort(scheme, strings.ToLower(host)), inHost, inLabel)
		p.wildcards(strings.TrimSuffix(rest, "/"), anything, inSegment)
		return p.end()
	}
	p.wildcards(withoutDefaultPort(scheme, strings.ToLower(open)), inHost, inLabel)
	if open == "" || strings.ContainsAny(open[len(open)-1:], ".:-*") {
		p.stay[inHost].add(p.places)
	}
	p.ends.add(p.places)
	p.one[afterHost].add(p.places)
	p.places++
	p.stay[anything].add(p.places)
	p.ends.add(p.places)
	return p
}

// end lets an address end here, also with a slash more.
func (p *pattern) end() *pattern {
	p.ends.add(p.places)
	p.literal("/")
	p.ends.add(p.places)
	return p
}

func (p *pattern) literal(text string) {
	for i := range len(text) {
		if p.leave[text[i]] == nil {
			p.leave[text[i]] = make(bits, len(p.ends))
		}
		p.leave[text[i]].add(p.places)
		p.places++
	}
}

// wildcards reads a part of a pattern whose ** and * stand for characters of these classes.
func (p *pattern) wildcards(text string, many, some int) {
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "**"):
			p.stay[many].add(p.places)
			i++
		case text[i] == '*':
			p.stay[some].add(p.places)
		case text[i] == '?':
			p.one[some].add(p.places)
			p.places++
		default:
			p.literal(text[i : i+1])
		}
	}
}

// matches reports whether the pattern is of a whole address.
func (p *pattern) matches(address string) bool {
	words := p.places/64 + 1
	at, next := make(bits, words), make(bits, words)
	at.add(0)
	for i := range len(address) {
		c := address[i]
		of, leave := classesOf(c), p.leave[c]
		var carry, alive uint64
		for w := range words {
			var leaves, stays uint64
			if leave != nil {
				leaves = leave[w]
			}
			for class, is := range of {
				if is {
					leaves |= p.one[class][w]
					stays |= p.stay[class][w]
				}
			}
			leaves &= at[w]
			next[w] = leaves<<1 | carry | at[w]&stays
			carry = leaves >> 63
			alive |= next[w]
		}
		if alive == 0 {
			return false
		}
		at, next = next, at
	}
	for w := range words {
		if at[w]&p.ends[w] != 0 {
			return true
		}
	}
	return false
}
