// Command logql reads a JSON array of LogQL queries from standard input and answers with a JSON array of the same
// length: an empty string for each query that Loki's own parser accepts, else what is wrong with it.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/grafana/loki/v3/pkg/logql/syntax"
)

// source is stamped by the build: a digest of this file, so that a changed file is not taken from the build cache.
var source string

func main() {
	var queries []string
	if err := json.NewDecoder(os.Stdin).Decode(&queries); err != nil {
		fmt.Fprintf(os.Stderr, "logql (%s): standard input is not a JSON array of strings: %v\n", source, err)
		os.Exit(2)
	}
	answers := make([]string, len(queries))
	for i, query := range queries {
		if _, err := syntax.ParseExpr(query); err != nil {
			answers[i] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintf(os.Stderr, "logql: %v\n", err)
		os.Exit(1)
	}
}
