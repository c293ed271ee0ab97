package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	first  = `{"client":0,"op":"add","key":"a","value":5,"answer":5,"status":"ok","begin":0,"end":1}`
	right  = `{"client":1,"op":"get","key":"a","answer":5,"status":"ok","begin":2,"end":3}`
	wrong  = `{"client":1,"op":"get","key":"a","answer":6,"status":"ok","begin":2,"end":3}`
	broken = `{"client":1,"op":"add","key":"a","value":1,"answer":null,"status":"unknown","begin":2,"end":null}`
)

func ran(t *testing.T, input string, arguments ...string) (code int, said verdict, problems string) {
	t.Helper()
	var output, errors bytes.Buffer
	code = run(arguments, strings.NewReader(input), &output, &errors)
	if output.Len() == 0 {
		return code, said, errors.String()
	}
	if strings.Count(output.String(), "\n") != 1 {
		t.Fatal(output.String())
	}
	if err := json.Unmarshal(output.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	return code, said, errors.String()
}

func TestTheExitCodeSaysTheVerdict(t *testing.T) {
	if code, said, _ := ran(t, first+"\n"+right+"\n"+broken+"\n"); code != 0 || !*said.Linearizable || said.Unknown != 1 {
		t.Error(code, said)
	}
	code, said, _ := ran(t, first+"\n"+wrong+"\n")
	if code != 1 || *said.Linearizable || len(said.Wrong) != 1 || said.Wrong[0].Entry != 2 {
		t.Error(code, said)
	}
	if code, said, _ := ran(t, first, "-limit", "1ns"); code != 2 || said.Linearizable != nil || len(said.Undecided) != 1 {
		t.Error(code, said)
	}
}

func TestALedgerMayBeAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.jsonl")
	if err := os.WriteFile(file, []byte(first+"\n"+wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said, _ := ran(t, "", file); code != 1 || said.Operations != 2 {
		t.Error(code, said)
	}
	if code, _, problems := ran(t, "", file+".none"); code != 2 || problems == "" {
		t.Error(code, problems)
	}
}

func TestALedgerThatIsNoneIsRefusedWithItsEntry(t *testing.T) {
	cases := map[string]string{
		"no JSON":            `add a 5`,
		"cut short":          first[:20],
		"another field":      strings.Replace(right, `"client"`, `"caller"`, 1),
		"another operation":  strings.Replace(right, `"get"`, `"put"`, 1),
		"another status":     strings.Replace(right, `"ok"`, `"fine"`, 1),
		"no value":           strings.Replace(first, `"value":5,`, ``, 1),
		"no begin":           strings.Replace(right, `"begin":2,`, ``, 1),
		"no answer":          strings.Replace(right, `"answer":5`, `"answer":null`, 1),
		"no end":             strings.Replace(right, `"end":3`, `"end":null`, 1),
		"an end before":      strings.Replace(right, `"end":3`, `"end":1`, 1),
		"an unknown answer":  strings.Replace(right, `"ok"`, `"unknown"`, 1),
		"a failure's answer": strings.Replace(right, `"ok"`, `"failed"`, 1),
	}
	for name, line := range cases {
		code, _, problems := ran(t, first+"\n"+line)
		if code != 2 || !strings.Contains(problems, "entry 2:") {
			t.Errorf("%s: %d, %s", name, code, problems)
		}
	}
	if code, _, problems := ran(t, first, "-limit", "soon"); code != 2 || problems == "" {
		t.Error(code, problems)
	}
}
