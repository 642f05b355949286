package standalone

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// entry is "key = value" of a configuration file.
type entry struct {
	key, value string
	line       int
}

// fileScanner reads a configuration file.
type fileScanner struct {
	in   string
	line int
	env  func(string) string
}

// parseFile reads lines of "key = value": a value is text in double quotes, a number or a truth value; "#" begins a comment. In text,
// "$(NAME)" stands for a variable of the environment and "$$" for a dollar sign. What is wrong comes back with line numbers.
func parseFile(in string, env func(string) string) (entries []entry, faults []string) {
	s := fileScanner{in: in, line: 1, env: env}
	for {
		s.blank(true)
		if s.in == "" {
			return entries, faults
		}
		at := s.line
		e, err := s.entry()
		if err != nil {
			faults = append(faults, fmt.Sprintf("line %d: %v.", at, err))
			s.line = at
			_, s.in, _ = strings.Cut(s.in, "\n")
			s.line++
			continue
		}
		entries = append(entries, e)
	}
}

// blank skips spaces and comments, and with lines set the ends of lines.
func (s *fileScanner) blank(lines bool) {
	for s.in != "" {
		switch c := s.in[0]; {
		case c == ' ' || c == '\t' || c == '\r':
			s.in = s.in[1:]
		case c == '\n' && lines:
			s.line++
			s.in = s.in[1:]
		case c == '#':
			if end := strings.IndexByte(s.in, '\n'); end >= 0 {
				s.in = s.in[end:]
			} else {
				s.in = ""
			}
		default:
			return
		}
	}
}

func (s *fileScanner) entry() (entry, error) {
	end := strings.IndexFunc(s.in, func(r rune) bool { return !keyRune(r) })
	if end < 0 {
		end = len(s.in)
	}
	e := entry{key: s.in[:end], line: s.line}
	if e.key == "" {
		return e, fmt.Errorf("a setting must begin with its name")
	}
	s.in = s.in[end:]
	s.blank(false)
	if !strings.HasPrefix(s.in, "=") {
		return e, fmt.Errorf("an equals sign must follow %q", e.key)
	}
	s.in = s.in[1:]
	s.blank(true)
	var err error
	if strings.HasPrefix(s.in, `"`) {
		e.value, err = s.text()
	} else {
		end := strings.IndexAny(s.in, "\n#")
		if end < 0 {
			end = len(s.in)
		}
		e.value, s.in = strings.TrimSpace(s.in[:end]), s.in[end:]
		if e.value == "" || strings.ContainsAny(e.value, " \"") {
			err = fmt.Errorf("the value of %q must be a number, true, false, or text in double quotes", e.key)
		}
	}
	if err != nil {
		return e, err
	}
	s.blank(false)
	if s.in != "" && s.in[0] != '\n' {
		return e, fmt.Errorf("nothing may follow the value of %q", e.key)
	}
	return e, nil
}

func keyRune(r rune) bool {
	return r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

var escapes = map[byte]string{'n': "\n", 'r': "\r", 't': "\t", '"': `"`, '\\': `\`}

// text reads what double quotes enclose.
func (s *fileScanner) text() (string, error) {
	var out strings.Builder
	rest := s.in[1:]
	for rest != "" {
		switch c := rest[0]; {
		case c == '"':
			s.in = rest[1:]
			if !utf8.ValidString(out.String()) {
				return "", fmt.Errorf("the text is not UTF-8")
			}
			return out.String(), nil
		case c == '\\' && len(rest) > 1:
			if plain, ok := escapes[rest[1]]; ok {
				out.WriteString(plain)
			} else {
				out.WriteString(rest[:2])
			}
			rest = rest[2:]
		case strings.HasPrefix(rest, "$$"):
			out.WriteByte('$')
			rest = rest[2:]
		case strings.HasPrefix(rest, "$("):
			name, after, ok := strings.Cut(rest[2:], ")")
			if !ok {
				return "", fmt.Errorf("a parenthesis must close after %q", "$(")
			}
			out.WriteString(s.env(name))
			rest = after
		default:
			if c == '\n' {
				s.line++
			}
			out.WriteByte(c)
			rest = rest[1:]
		}
	}
	return "", fmt.Errorf("a double quote must close the text")
}

// Dump writes the configuration as a file, with secrets hidden.
func (c *Config) Dump() string {
	var lines []string
	for _, p := range params {
		value := c.values[p.name]
		if p.secret && value != "" && !strings.HasPrefix(value, "@") {
			value = "***"
		}
		lines = append(lines, p.name+" = "+p.render(value))
	}
	for _, s := range c.AppSettings {
		lines = append(lines, s.Name+` = "***"`)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

func (p *param) render(value string) string {
	if p.quoted || value == "" {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", "$$", "\n", `\n`).Replace(value) + `"`
	}
	return value
}

// Example is a file that names every setting with its default.
func Example() string {
	var out strings.Builder
	out.WriteString("# Settings of `fluxbase rest`, with their defaults. Each can be given in the environment instead: db-uri as PGRST_DB_URI.\n")
	for _, p := range params {
		fmt.Fprintf(&out, "\n# %s\n", p.help)
		if p.def == "" && !p.quoted {
			fmt.Fprintf(&out, "# %s =\n", p.name)
			continue
		}
		fmt.Fprintf(&out, "# %s = %s\n", p.name, p.render(p.def))
	}
	out.WriteString("\n# text that SQL reads as current_setting('app.settings.name')\n# app.settings.name = \"\"\n")
	return out.String()
}
