package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// resultJSON is what one statement gave.
type resultJSON struct {
	Command string `json:"command"`
	Columns []struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"columns"`
	Rows     [][]json.RawMessage `json:"rows"`
	RowCount int64               `json:"row_count"`
	// Truncated says that there were more rows than the project sends.
	Truncated bool `json:"truncated"`
	Notices   []struct {
		Severity string `json:"severity"`
		Message  string `json:"message"`
	} `json:"notices"`
}

// mostRows is the most that a project sends of one result.
const mostRows = 10000

// query runs the text at the project's meta service.
func (s *session) query(ctx context.Context, p *controlplanev1.Project, token, text string) ([]resultJSON, error) {
	body, err := json.Marshal(map[string]any{"query": text, "limit": mostRows})
	if err != nil {
		return nil, fmt.Errorf("encode the SQL: %w", err)
	}
	status, answer, err := s.exchangeUnbounded(ctx, http.MethodPost, p.GetPathUrl()+"/meta/v1/query",
		http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, explainSQL(status, answer, text)
	}
	var got struct {
		Results []resultJSON `json:"results"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, fmt.Errorf("read the answer of the project: %w", err)
	}
	return got.Results, nil
}

// explainSQL makes an error of what the project answered; with a position, it shows the line.
func explainSQL(status int, answer []byte, text string) error {
	var got struct {
		Code     string `json:"code"`
		Message  string `json:"message"`
		Details  string `json:"details"`
		Hint     string `json:"hint"`
		Position int    `json:"position"`
	}
	if json.Unmarshal(answer, &got) != nil || got.Message == "" {
		got.Message = fmt.Sprintf("the project answered with status %d", status)
	}
	e := &cliError{Code: exitFailure, Reason: got.Code, Message: got.Message, Hint: strings.TrimSpace(got.Details + "\n" + got.Hint)}
	switch status {
	case http.StatusUnauthorized:
		e.Code = exitSignedOut
	case http.StatusForbidden:
		if len(got.Code) != sqlStateLength {
			e.Code = exitDenied
		}
	case http.StatusTooManyRequests:
		e.Code = exitExhausted
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		e.Code = exitUnavailable
	}
	if line := lineAt(text, got.Position); line != "" {
		e.Hint = strings.TrimSpace(line + "\n" + e.Hint)
	}
	return e
}

// sqlStateLength tells Postgres' own codes from Fluxbase's reasons.
const sqlStateLength = 5

// lineAt quotes the line of the character at position, which counts from 1 in characters, with a mark below it.
func lineAt(text string, position int) string {
	runes := []rune(text)
	if position < 1 || position > len(runes) {
		return ""
	}
	number, start := 1, 0
	for i, r := range runes[:position-1] {
		if r == '\n' {
			number, start = number+1, i+1
		}
	}
	line, _, _ := strings.Cut(string(runes[start:]), "\n")
	head := fmt.Sprintf("LINE %d: ", number)
	return head + printable(line) + "\n" + strings.Repeat(" ", len(head)+position-1-start) + "^"
}

// printResults prints each statement's rows, or what it did.
func (c *cli) printResults(results []resultJSON) error {
	if c.json() {
		if results == nil {
			results = []resultJSON{}
		}
		return c.print(results, nil)
	}
	for i, r := range results {
		if i > 0 {
			_, _ = fmt.Fprintln(c.out)
		}
		for _, n := range r.Notices {
			c.say("%s: %s", n.Severity, n.Message)
		}
		if len(r.Columns) == 0 {
			_, _ = fmt.Fprintln(c.out, printable(whatWasDone(r)))
			continue
		}
		head := make([]string, len(r.Columns))
		for k, column := range r.Columns {
			head[k] = column.Name
		}
		rows := [][]string{head}
		for _, row := range r.Rows {
			cells := make([]string, len(row))
			for k, cell := range row {
				cells[k] = cellText(cell)
			}
			rows = append(rows, cells)
		}
		if err := c.print(nil, rows); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(c.out, countRows(len(r.Rows)))
		if r.Truncated {
			c.say("There are more rows: %d in all.", r.RowCount)
		}
	}
	return nil
}

// cellText shows a value: strings without quotes, NULL as nothing, all else as JSON.
func cellText(raw json.RawMessage) string {
	var s string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &s) == nil:
		return s
	}
	return string(raw)
}

func countRows(n int) string {
	if n == 1 {
		return "(1 row)"
	}
	return fmt.Sprintf("(%d rows)", n)
}

// whatWasDone is a command without rows, as Postgres tags it: "CREATE TABLE", "INSERT 3".
func whatWasDone(r resultJSON) string {
	switch r.Command {
	case "INSERT", "UPDATE", "DELETE", "MERGE", "COPY":
		return fmt.Sprintf("%s %d", r.Command, r.RowCount)
	}
	return r.Command
}
