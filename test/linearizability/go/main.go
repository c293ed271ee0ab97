// Command linearizability reads a ledger of a counter's calls, one JSON object each, from a file or from its standard
// input, and prints a verdict in one line of JSON. It exits with 0 where one counter explains all answers, with 1
// where none does, and with 2 where that can't be said: the ledger is none, or the time was over.
//
//	linearizability [-limit 60s] [ledger.jsonl]
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

const undecided = 2

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(arguments []string, input io.Reader, output, problems io.Writer) int {
	flags := flag.NewFlagSet("linearizability", flag.ContinueOnError)
	flags.SetOutput(problems)
	limit := flags.Duration("limit", time.Minute, "how long the check may take")
	if err := flags.Parse(arguments); err != nil {
		return undecided
	}
	if flags.NArg() > 1 || *limit <= 0 {
		fmt.Fprintln(problems, "linearizability: at most one ledger, and a limit above 0")
		return undecided
	}
	if flags.NArg() == 1 {
		file, err := os.Open(flags.Arg(0))
		if err != nil {
			fmt.Fprintln(problems, "linearizability:", err)
			return undecided
		}
		defer file.Close()
		input = file
	}
	entries, err := readLedger(bufio.NewReader(input))
	if err != nil {
		fmt.Fprintln(problems, "linearizability:", err)
		return undecided
	}
	found := check(entries, *limit)
	if err := json.NewEncoder(output).Encode(found); err != nil {
		fmt.Fprintln(problems, "linearizability:", err)
		return undecided
	}
	switch {
	case found.Linearizable == nil:
		return undecided
	case *found.Linearizable:
		return 0
	default:
		return 1
	}
}
