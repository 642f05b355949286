package message

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
	"time"
)

// Templates are written by strangers. They see strings and plain maps only; what they write, what their functions make, how often they loop and
// how long they run is bounded.
const (
	maxOutput = 512 << 10       // bytes of a mail
	maxMade   = 1 << 20         // bytes that a template's functions make
	maxTurns  = 10_000          // turns of loops
	maxRead   = 2 << 20         // bytes of template that are run through in these turns
	maxTime   = 5 * time.Second // to run; what is counted ends long before on any machine that is not stalled
	// maxLoops is how deep loops may stand within each other: html/template reads the body of each twice, to find out what to escape it for.
	maxLoops = 5
)

var (
	errTooLarge = errors.New("it writes too much")
	errTooLong  = errors.New("it runs for too long")
	errTooDeep  = errors.New("it has too many loops within loops")
	// errCalls: templates that call each other take html/template as long as one likes, before anything is counted.
	errCalls = errors.New("it has templates within: write it as one")
)

// budget is what one run of a template may use.
type budget struct {
	turns, read, made, written int
	end                        time.Time
}

func newBudget() *budget { return &budget{end: time.Now().Add(maxTime)} }

func (b *budget) check() error {
	if time.Now().After(b.end) {
		return errTooLong
	}
	return nil
}

// tick counts a turn of a loop whose body is so long.
func (b *budget) tick(length int) (string, error) {
	b.turns++
	b.read += max(length, 0)
	if b.turns > maxTurns || b.read > maxRead {
		return "", errTooLong
	}
	return "", b.check()
}

// keep counts what a function made.
func (b *budget) keep(s string) (string, error) {
	if b.made += len(s); b.made > maxMade {
		return "", errTooLarge
	}
	return s, b.check()
}

// functions stand in for those built into templates that make text as large as one likes.
func (b *budget) functions() map[string]any {
	joined := func(format func(...any) string) func(...any) (string, error) {
		return func(args ...any) (string, error) {
			if err := b.room(args); err != nil {
				return "", err
			}
			return b.keep(format(args...))
		}
	}
	return map[string]any{
		tickName: b.tick,
		"print":  joined(fmt.Sprint), "println": joined(fmt.Sprintln), "urlquery": joined(texttemplate.URLQueryEscaper),
		"js": joined(texttemplate.JSEscaper), "html": joined(texttemplate.HTMLEscaper),
		"printf": func(format string, args ...any) (string, error) {
			if err := b.room(append(args, format)); err != nil {
				return "", err
			}
			if err := plainFormat(format); err != nil {
				return "", err
			}
			return b.keep(fmt.Sprintf(format, args...))
		},
	}
}

// room refuses before something is made of arguments that are too large: no escaper makes more than a dozen bytes of one.
func (b *budget) room(args []any) error {
	size := 0
	for _, arg := range args {
		if s, ok := arg.(string); ok {
			size += len(s)
		}
	}
	if size > maxMade-b.made {
		return errTooLarge
	}
	return nil
}

// plainFormat refuses widths, precisions and repeated arguments of more than two digits, which make large text of nothing.
func plainFormat(format string) error {
	digits := 0
	if len(format) > 1000 || strings.ContainsAny(format, "*[") {
		return errTooLarge
	}
	for _, c := range format {
		if c < '0' || c > '9' {
			digits = 0
		} else if digits++; digits > 3 {
			return errTooLarge
		}
	}
	return nil
}

// writer refuses what is too much.
type writer struct {
	strings.Builder
	budget *budget
}

func (w *writer) Write(p []byte) (int, error) {
	if w.budget.written += len(p); w.budget.written > maxOutput {
		return 0, errTooLarge
	}
	if err := w.budget.check(); err != nil {
		return 0, err
	}
	return w.Builder.Write(p)
}

var _ io.Writer = (*writer)(nil)

// tickName is called by what is put into templates; one that calls it itself only uses up its turns.
const tickName = "countTurn"

// ticking parses a template and makes each turn of a loop count.
func ticking(text string, functions map[string]any) (*parse.Tree, error) {
	builtin := map[string]any{}
	for _, name := range []string{"and", "call", "html", "index", "slice", "js", "len", "not", "or", "print", "printf", "println", "urlquery", "eq", "ge", "gt", "le", "lt", "ne"} {
		builtin[name] = name
	}
	trees, err := parse.Parse("mail", text, "", "", builtin, functions)
	if err != nil {
		return nil, err
	}
	if len(trees) != 1 {
		return nil, errCalls
	}
	return trees["mail"], tickLoops(trees["mail"].Root, 0)
}

// prepend puts {{$tick := tick LENGTH}} before the body of a loop: an assignment writes nothing, wherever it stands.
func prepend(list *parse.ListNode) {
	length := int64(len(list.String()))
	call := &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{
		parse.NewIdentifier(tickName), &parse.NumberNode{NodeType: parse.NodeNumber, IsInt: true, Int64: length, Text: strconv.FormatInt(length, 10)},
	}}
	pipe := &parse.PipeNode{
		NodeType: parse.NodePipe, Decl: []*parse.VariableNode{{NodeType: parse.NodeVariable, Ident: []string{"$" + tickName}}}, Cmds: []*parse.CommandNode{call},
	}
	list.Nodes = append([]parse.Node{&parse.ActionNode{NodeType: parse.NodeAction, Pipe: pipe}}, list.Nodes...)
}

func tickLoops(list *parse.ListNode, loops int) error {
	if list == nil {
		return nil
	}
	for _, node := range list.Nodes {
		if node.Type() == parse.NodeTemplate {
			return errCalls
		}
		var branch *parse.BranchNode
		within := loops
		switch n := node.(type) {
		case *parse.RangeNode:
			branch, within = &n.BranchNode, loops+1
		case *parse.IfNode:
			branch = &n.BranchNode
		case *parse.WithNode:
			branch = &n.BranchNode
		default:
			continue
		}
		if within > maxLoops {
			return errTooDeep
		}
		if err := errors.Join(tickLoops(branch.List, within), tickLoops(branch.ElseList, loops)); err != nil {
			return err
		}
		if within > loops {
			prepend(branch.List)
		}
	}
	return nil
}

// runHTML runs a template for HTML, escaped for wherever each value stands.
func runHTML(text string, data map[string]any) (string, error) {
	b := newBudget()
	functions := b.functions()
	tree, err := ticking(text, functions)
	if err != nil {
		return "", err
	}
	parsed, err := template.New("mail").Funcs(functions).AddParseTree("mail", tree)
	if err != nil {
		return "", err
	}
	return run(b, func(w io.Writer) error { return parsed.Execute(w, data) })
}

// runText runs a template for plain text.
func runText(text string, data map[string]any) (string, error) {
	b := newBudget()
	functions := b.functions()
	tree, err := ticking(text, functions)
	if err != nil {
		return "", err
	}
	parsed, err := texttemplate.New("mail").Funcs(functions).AddParseTree("mail", tree)
	if err != nil {
		return "", err
	}
	return run(b, func(w io.Writer) error { return parsed.Execute(w, data) })
}

func run(b *budget, execute func(io.Writer) error) (string, error) {
	w := &writer{budget: b}
	if err := execute(w); err != nil {
		return "", err
	}
	return w.String(), nil
}
