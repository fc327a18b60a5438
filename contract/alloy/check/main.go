// What can be had of Grafana Alloy under an open licence: the parser of its syntax, and the two libraries that its stage.template is made of (Go's
// text/template and sprig, with the functions of internal/component/loki/process/stages/template.go at v1.18.1 that are used here). It knows no component.
//
//	check <file>             writes its blocks, arguments and values as JSON, and fails where the parser does
//	check <file> lines       makes of each text of a JSON array on standard input what the template in the file makes of a line
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/printer"
	"github.com/grafana/alloy/syntax/token"
	"github.com/grafana/alloy/syntax/vm"
)

type block struct {
	Name   string         `json:"name"`
	Label  string         `json:"label,omitempty"`
	Args   map[string]any `json:"args"`
	Blocks []block        `json:"blocks"`
}

// A value, or what the expression says where it refers to another component.
func value(e ast.Expr) any {
	switch e := e.(type) {
	case *ast.LiteralExpr:
		var v any
		if e.Kind == token.NULL {
			return nil
		}
		if err := vm.New(e).Evaluate(vm.NewScope(nil), &v); err != nil {
			fail(err)
		}
		return v
	case *ast.ArrayExpr:
		all := []any{}
		for _, item := range e.Elements {
			all = append(all, value(item))
		}
		return all
	case *ast.ObjectExpr:
		all := map[string]any{}
		for _, field := range e.Fields {
			all[field.Name.Name] = value(field.Value)
		}
		return all
	default:
		var b bytes.Buffer
		if err := printer.Fprint(&b, e); err != nil {
			fail(err)
		}
		return map[string]any{"of": b.String()}
	}
}

func read(name, label string, body ast.Body) block {
	b := block{Name: name, Label: label, Args: map[string]any{}, Blocks: []block{}}
	for _, s := range body {
		switch s := s.(type) {
		case *ast.AttributeStmt:
			if _, there := b.Args[s.Name.Name]; there {
				fail(fmt.Errorf("%s stands in %s twice", s.Name.Name, name))
			}
			b.Args[s.Name.Name] = value(s.Value)
		case *ast.BlockStmt:
			b.Blocks = append(b.Blocks, read(s.GetBlockName(), s.Label, s.Body))
		}
	}
	return b
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	all["regexReplaceAllLiteral"] = func(regex, s, repl string) string {
		return regexp.MustCompile(regex).ReplaceAllLiteralString(s, repl)
	}
	return all
}

func main() {
	source, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	if len(os.Args) == 2 {
		file, err := parser.ParseFile(os.Args[1], source)
		if err != nil {
			fail(err)
		}
		_ = json.NewEncoder(os.Stdout).Encode(read("", "", file.Body))
		return
	}
	made, err := template.New("line").Funcs(functions()).Parse(string(source))
	if err != nil {
		fail(err)
	}
	var lines, out []string
	if err := json.NewDecoder(os.Stdin).Decode(&lines); err != nil {
		fail(err)
	}
	for _, line := range lines {
		var b bytes.Buffer
		if err := made.Execute(&b, map[string]any{"Entry": line}); err != nil {
			fail(err)
		}
		out = append(out, b.String())
	}
	_ = json.NewEncoder(os.Stdout).Encode(out)
}
