package evaltable

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func parse(name, text string) *Table { return Parse(name, strings.NewReader(text)) }

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, text string
		columns    string
		rows       int
		problem    string // part of the first
	}{
		{"t.json", `{"columns":["inputs","score"],"data":[["a",1],["b",null]]}`, "inputs score", 2, ""},
		{"t.json", `{"index":[0],"data":[["a",1]],"columns":["inputs",7]}`, "inputs 7", 1, ""},
		{"t.json", `{"columns":["a","b"],"data":[[1],[1,2,3],{"x":1}]}`, "a b", 3, "row is not a list"},
		{"t.json", `{"columns":["a","b"],"data":[[1,2],[3`, "a b", 1, "after row 1 (line 1): it ends early"},
		{"t.json", "{\"columns\":[\"a\"],\n\"data\":[[1],\n[NaN]]}", "a", 1, "after row 1 (line 2)"},
		{"t.json", `{"columns":["a","a"],"data":[[1,2]]}`, "a a (2)", 1, ""},
		{"t.json", `{"data":[[1]]}`, "", 0, `"columns" is missing`},
		{"t.json", `7`, "", 0, "not a table"},
		{"t.json", ``, "", 0, "ends early"},
		{"t.json", `[{"a":1},{"b":2,"a":3},5]`, "a b", 3, "not an object"},
		{"t.jsonl", "{\"a\":1}\n\nnope\n{\"a\":2,\"b\":3}", "a b", 3, "not JSON"},
		{"t.csv", "q,score\n\"a,\nb\",1\nc,\n", "q score", 2, ""},
		{"t.tsv", "q\tscore\na\t1\t2\n", "q score", 1, "3 values for 2 columns"},
	} {
		got := parse(c.name, c.text)
		if strings.Join(got.Columns, " ") != c.columns || len(got.Rows) != c.rows {
			t.Errorf("%s: columns %q, %d rows", c.text, got.Columns, len(got.Rows))
		}
		first := ""
		if len(got.Problems) > 0 {
			first = got.Problems[0].Message
		}
		if !strings.Contains(first, c.problem) || c.problem == "" && first != "" {
			t.Errorf("%s: problem %q, want %q", c.text, first, c.problem)
		}
		square(t, got)
	}
}

func square(t *testing.T, table *Table) {
	t.Helper()
	for i, row := range table.Rows {
		if len(row) != len(table.Columns) {
			t.Fatalf("row %d has %d cells for %d columns", i, len(row), len(table.Columns))
		}
		for _, cell := range row {
			if !json.Valid(cell) {
				t.Fatalf("row %d holds %q", i, cell)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("t.json", `{"columns":["inputs","score"],"data":[["a",1],["b"]]}`)
	f.Add("t.json", `[{"a":1},{"b":[2]}]`)
	f.Add("t.jsonl", "{\"a\":1}\n{")
	f.Add("t.csv", "a,b\n\"1\"\"\",-\n")
	f.Add("t.tsv", "a\tb\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		table := parse(name, text)
		square(t, table)
		other := parse(name, text)
		table.Pivot(other)
		square(t, table)
		j, err := Join([]*Table{table, other}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range j.Tables {
			seen := map[int]bool{}
			for _, row := range j.Rows {
				if at := row.At[i]; at >= 0 && seen[at] {
					t.Fatalf("row %d of table %d stands twice", at, i)
				} else if at >= 0 {
					seen[at] = true
				}
			}
			if len(seen) != len(j.Tables[i].Rows) {
				t.Fatalf("%d of %d rows of table %d are joined", len(seen), len(j.Tables[i].Rows), i)
			}
		}
	})
}

func TestJoinChoosesWhatTellsRowsApart(t *testing.T) {
	for _, c := range []struct{ name, a, b, keys string }{
		{"inputs by name", "inputs,answer\nq1,x\nq2,y\n", "inputs,answer\nq2,z\nq1,x\n", "inputs"},
		{"several inputs", "question,context,answer\nq,c1,x\nq,c2,x\n", "question,context,answer\nq,c2,x\nq,c1,x\n", "question context"},
		{"a row id", "id,inputs,answer\n1,q,x\n2,q,y\n", "id,inputs,answer\n2,q,x\n1,q,y\n", "id"},
		{"ids of traces never meet", "request_id,inputs\n1,q1\n2,q2\n", "request_id,inputs\n3,q1\n4,q2\n", "inputs"},
		{"the same values", "text,guess\na,x\nb,y\n", "text,guess\nb,y\na,z\n", "text"},
		{"nothing shared", "text,score\na,1\n", "guess,score\nb,2\n", "#"},
	} {
		j, err := Join([]*Table{parse("a.csv", c.a), parse("b.csv", c.b)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(j.Keys, " "); got != c.keys {
			t.Errorf("%s: joined by %s, want %s", c.name, got, c.keys)
		}
	}
	if _, err := Join([]*Table{parse("a.csv", "a,b\n1,2\n")}, []string{"c"}); err == nil {
		t.Error("an unknown column joined")
	}
}

func TestRepetitionsPairInOrder(t *testing.T) {
	j, _ := Join([]*Table{
		parse("a.csv", "inputs,n\nq,1\nq,2\nr,3\n"),
		parse("b.csv", "inputs,n\nr,30\nq,10\nq,20\nq,40\n"),
	}, nil)
	var got []string
	for _, row := range j.Rows {
		got = append(got, fmt.Sprint(row.At, row.Group))
	}
	if want := []string{"[0 1] 0", "[1 2] 0", "[2 0] 1", "[-1 3] 0"}; !slices.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
	if !slices.Equal(j.Repeated, []int{1, 2}) {
		t.Errorf("repeated %v", j.Repeated)
	}
	s := j.Summarise("n", 0, false)[1]
	if s.N != 4 || s.Pairs != 3 || s.Won != 3 || !s.Repeats || math.Abs(s.Difference.Estimate-18) > 1e-9 || s.Difference.N != 2 {
		t.Errorf("summary %+v", s)
	}
}

// tables of n questions; the second is worse in every fifth.
func pair(n int) []*Table {
	var a, b strings.Builder
	a.WriteString("inputs,answer,score,latency,trace_id,error\n")
	b.WriteString("inputs,answer,score,latency,trace_id,error\n")
	for i := range n {
		fmt.Fprintf(&a, "q%d,right,1,%d,tr-a%d,\n", i, i, i)
		answer, score, failure := "right", "1", ""
		if i%5 == 0 {
			answer, score = "wrong", "0"
		}
		if i == 3 {
			failure, score = "timeout", ""
		}
		fmt.Fprintf(&b, "q%d,%s,%s,%d,tr-b%d,%s\n", i, answer, score, i, i, failure)
	}
	b.WriteString("only here,x,1,0,tr-z,\n")
	return []*Table{parse("a.csv", a.String()), parse("b.csv", b.String())}
}

func TestSelection(t *testing.T) {
	j, err := Join(pair(20), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(j.Scores, []string{"score", "latency"}) || !slices.Equal(j.Outputs, []string{"answer"}) || !slices.Equal(j.Failures, []string{"error"}) {
		t.Fatalf("scores %v, outputs %v, failures %v", j.Scores, j.Outputs, j.Failures)
	}
	s := Select{Which: All, Base: 0, Other: -1, Score: "score"}
	for which, n := range map[Which]int{All: 21, Differing: 4, Worse: 4, Better: 0, Failures: 1, Unmatched: 1} {
		if got := j.Counts(s)[which]; got != n {
			t.Errorf("%s: %d, want %d", which, got, n)
		}
	}
	s.Lower = true
	if c := j.Counts(s); c[Worse] != 0 || c[Better] != 4 {
		t.Errorf("less is better: %v", c)
	}
	s.ByChange = true
	if picked := j.Pick(s); picked[0] != 0 || picked[1] != 5 || len(picked) != 21 {
		t.Errorf("by change: %v", picked)
	}
	if picked := j.Pick(Select{Which: All, Text: "Q19"}); !slices.Equal(picked, []int{19}) {
		t.Errorf("by text: %v", picked)
	}
	if j.TraceOf(1, 4) != "tr-b4" || j.TraceOf(0, -1) != "" {
		t.Errorf("trace %q", j.TraceOf(1, 4))
	}
}

func TestSummaryKnowsWhatIsNoDifference(t *testing.T) {
	j, _ := Join(pair(200), nil)
	score, latency := j.Summarise("score", 0, false), j.Summarise("latency", 0, true)
	if s := score[1]; s.Pairs != 199 || s.Lost != 40 || s.Tied != 159 || s.Missing != 1 || !(s.Difference.High < 0) {
		t.Errorf("score: %+v", s)
	}
	if s := latency[1]; s.Difference.Low != 0 || s.Difference.High != 0 || s.Tied != 200 {
		t.Errorf("the same latency: %+v", s)
	}
	if s := score[0]; s.N != 200 || s.Mean != 1 || s.Pairs != 0 || !math.IsNaN(s.Difference.Estimate) {
		t.Errorf("base: %+v", s)
	}
}

func TestPivot(t *testing.T) {
	table := parse("_evaluations.json", `{"columns":["evaluation_id","inputs_id","inputs","outputs"],"data":[["e1","i1",{"q":1},{"a":1}],["e2","i2",{"q":2},null]]}`)
	table.Pivot(parse("_assessments.json", `{"columns":["evaluation_id","name","boolean_value","numeric_value","string_value","rationale"],"data":[["e1","correct",null,null,"yes","because"],["e2","correct",false,null,null,null],["e9","correct",true,null,null,null]]}`))
	table.Pivot(parse("_metrics.json", `{"columns":["evaluation_id","key","value","timestamp"],"data":[["e2","latency",0.5,1]]}`))
	j, _ := Join([]*Table{table, table}, nil)
	if !slices.Equal(j.Keys, []string{"inputs_id"}) || !slices.Equal(j.Scores, []string{"correct", "latency"}) || !slices.Equal(j.Reasons, []string{"correct/rationale"}) {
		t.Errorf("keys %v, scores %v, reasons %v", j.Keys, j.Scores, j.Reasons)
	}
	if s := j.Summarise("correct", 0, false)[1]; s.N != 2 || s.Mean != 0.5 || s.Pairs != 2 || s.Tied != 2 {
		t.Errorf("%+v", s)
	}
}

func TestLowerIsBetter(t *testing.T) {
	for name, want := range map[string]bool{"latency": true, "toxicity/v1/score": true, "duration_ms": true, "rouge1/v1/score": false, "correct": false, "closs": false, "answer_seconds": true} {
		if LowerIsBetter(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestNumber(t *testing.T) {
	for cell, want := range map[string]float64{`1`: 1, `-0.5`: -0.5, `true`: 1, `"yes"`: 1, `"No"`: 0, `"fail"`: 0, `1e3`: 1000} {
		if got, ok := Number(json.RawMessage(cell)); !ok || got != want {
			t.Errorf("%s: %v %v", cell, got, ok)
		}
	}
	for _, cell := range []string{``, `null`, `"maybe"`, `"1"`, `[1]`, `{}`} {
		if got, ok := Number(json.RawMessage(cell)); ok {
			t.Errorf("%s is %v", cell, got)
		}
	}
}

func BenchmarkJoin10000(b *testing.B) {
	tables := pair(10_000)
	for b.Loop() {
		j, _ := Join(tables, nil)
		j.Summarise("score", 0, false)
		j.Pick(Select{Which: Worse, Score: "score", ByChange: true})
	}
}
