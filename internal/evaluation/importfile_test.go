package evaluation

import (
	"encoding/json"
	"strings"
	"testing"
)

func read(format Format, content string) *importing {
	im := &importing{seen: map[string]int{}}
	if format == CSV {
		im.csv([]byte(content))
	} else {
		im.jsonl([]byte(content))
	}
	return im
}

// TestImportProblems: each problem has its line, its field and a remedy.
func TestImportProblems(t *testing.T) {
	good := `{"inputs":{"q":"a"}}`
	for _, c := range []struct {
		name    string
		format  Format
		content string
		line    int
		field   string
		says    string
	}{
		{"no JSON", JSONL, good + "\n{\"inputs\":\n", 2, "", "not JSON"},
		{"list", JSONL, "\n[1]\n", 2, "", "not a JSON object"},
		{"no inputs", JSONL, good + "\n\n" + `{"outputs":1}`, 3, "inputs", "missing"},
		{"inputs a text", JSONL, `{"inputs":"hello"}`, 1, "inputs", "a string, not an object"},
		{"expectations a list", JSONL, `{"inputs":{},"expectations":[1]}`, 1, "expectations", "an array"},
		{"unknown field", JSONL, `{"inputs":{},"expected":"x"}`, 1, "expected", "no such field"},
		{"bad source", JSONL, `{"inputs":{},"source":{"source_type":"MOON"}}`, 1, "source", "source type"},
		{"NUL", JSONL, `{"inputs":{"q":"\u0000"}}`, 1, "", "NUL"},
		{"empty CSV", CSV, "", 1, "", "empty"},
		{"cells", CSV, "q,a\n1,2\n\"x\ny\",2\n3\n", 5, "", "another number of cells"},
		{"quotes", CSV, "q,a\n1,a\"b\n", 2, "", `bare "`},
		{"two outputs", CSV, "q,outputs,outputs.text\n1,2,3\n", 1, "outputs.text", "two columns"},
		{"outputs after parts", CSV, "q,outputs.text,outputs\n1,2,3\n", 1, "outputs", "two columns"},
		{"same name", CSV, "q,inputs.q\n1,2\n", 1, "inputs.q", "two columns go to inputs.q"},
		{"no name", CSV, "q,\n1,2\n", 1, "", "no name"},
		{"prefix alone", CSV, "inputs.,a\n1,2\n", 1, "inputs.", "not followed"},
		{"no input", CSV, "outputs,tags.a\n1,2\n", 1, "inputs", "no column is an input"},
	} {
		im := read(c.format, c.content)
		if len(im.out.Problems) == 0 {
			t.Errorf("%s: no problem found", c.name)
			continue
		}
		p := im.out.Problems[0]
		if p.Line != c.line || p.Field != c.field || !strings.Contains(p.Message, c.says) || p.Remedy == "" {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}

func TestImportCSV(t *testing.T) {
	im := read(CSV, "question,inputs.lang,outputs,expectations.answer,tags.split\r\n\"a, \"\"b\"\"\nc\",,42,\"{\"\"x\"\": [1, 2]}\",dev\r\nd,en,,,\r\n")
	if im.out.Found > 0 || len(im.records) != 2 {
		t.Fatalf("%+v", im.out)
	}
	want := []string{
		`{"inputs":{"question":"a, \"b\"\nc","lang":""},"outputs":"42","expectations":{"answer":{"x":[1,2]}},"tags":{"split":"dev"}}`,
		`{"inputs":{"question":"d","lang":"en"}}`,
	}
	for i, w := range want {
		if string(im.records[i]) != w {
			t.Errorf("record %d: %s\nwant %s", i, im.records[i], w)
		}
	}
	if got := im.out.Columns[0]; got != (Column{"question", "inputs.question"}) {
		t.Errorf("%+v", got)
	}
	if im.lines[1] != 4 {
		t.Errorf("the second record is at line %d", im.lines[1])
	}
}

func TestImportRepeats(t *testing.T) {
	im := read(JSONL, `{"inputs":{"a":1,"b":2}}`+"\n"+`{"inputs":{"b":2,"a":1},"expectations":{"x":1}}`)
	if im.out.Repeated != 1 || len(im.records) != 2 {
		t.Fatalf("%+v", im.out)
	}
	many := strings.Repeat("{\n", 500)
	im = read(JSONL, many)
	if im.out.Found != 500 || len(im.out.Problems) != maxProblems {
		t.Fatalf("%d problems found, %d kept", im.out.Found, len(im.out.Problems))
	}
}

// FuzzImport: whatever the file, each record that is taken is one that the
// upsert takes, and each problem has a line within the file and a remedy.
func FuzzImport(f *testing.F) {
	for _, s := range []string{"{\"inputs\":{}}\n{", "q,a\n1,2\n\"x", "a.b,inputs.\n", "outputs,outputs.x,inputs.y\n1,2,3", "\xef\xbb\xbfq\n1", `{"inputs":{"a":{"a":1}},"source":{"source_type":"TRACE","source_data":{"trace_id":"tr-1"}}}`, "\"a\"\"\",b\n{},[]\n"} {
		f.Add(true, s)
		f.Add(false, s)
	}
	f.Fuzz(func(t *testing.T, csv bool, content string) {
		format := JSONL
		if csv {
			format = CSV
		}
		im := read(format, content)
		lines := strings.Count(content, "\n") + 1
		for _, p := range im.out.Problems {
			if p.Line < 1 || p.Line > lines+1 || p.Remedy == "" || p.Message == "" {
				t.Fatalf("%+v in %d lines", p, lines)
			}
		}
		for i, r := range im.records {
			if !json.Valid(r) {
				t.Fatalf("record %d is not JSON: %q", i, r)
			}
		}
		list, err := json.Marshal(im.records)
		if err != nil {
			t.Fatal(err)
		}
		if len(im.records) > 0 {
			if _, err := parseRecords(list); err != nil {
				t.Fatalf("the upsert refuses what the import took: %v", err)
			}
		}
	})
}
