package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

func (c *cli) checkOutput() error {
	if c.flags.output != "table" && c.flags.output != "json" {
		return usageError{fmt.Errorf("--output is %q; it can be table or json", c.flags.output)}
	}
	return nil
}

func (c *cli) json() bool { return c.flags.output == "json" }

// print writes value as JSON, or the rows as a table whose first row is the head.
func (c *cli) print(value any, rows [][]string) error {
	if c.json() {
		enc := json.NewEncoder(c.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(value)
	}
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for _, cell := range row {
			_, _ = io.WriteString(w, printable(cell)+"\t") // to memory
		}
		_, _ = io.WriteString(w, "\n")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(c.out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// printable keeps what a table's cell must not hold off the terminal: tabs, line breaks, escape sequences.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r < ' ' || (r >= 0x7f && r < 0xa0):
			return -1
		}
		return r
	}, s)
}

// say writes a line for people; scripts that asked for JSON get it nowhere.
func (c *cli) say(format string, args ...any) {
	if !c.json() {
		_, _ = fmt.Fprintln(c.err, printable(fmt.Sprintf(format, args...)))
	}
}

// when is a time in JSON: RFC 3339 in UTC, or nil.
func when(t *timestamppb.Timestamp) *string {
	if t == nil {
		return nil
	}
	s := t.AsTime().UTC().Format(time.RFC3339)
	return &s
}

// whenText is a time in a table.
func whenText(t *timestamppb.Timestamp, none string) string {
	if t == nil {
		return none
	}
	return t.AsTime().Local().Format("2006-01-02 15:04")
}

// word is the last part of an enum's name in lower case: ISOLATION_DATABASE becomes "database".
func word(enum fmt.Stringer, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(enum.String(), prefix))
}
