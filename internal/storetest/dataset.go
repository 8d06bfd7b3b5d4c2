package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/sqlstore"
)

// Datasets is the suite of what pages do with evaluation datasets.
func Datasets(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *datasetBench){
		"find": datasetFind, "edit": datasetEdit, "import": datasetImport, "traces": datasetTraces,
	} {
		t.Run(name, func(t *testing.T) { test(t, newDatasetBench(t, open)) })
	}
}

type datasetBench struct {
	*evaluation.Service
	audit *viewAudit
	id    string
}

// someTraces are traces whose id ends in an even digit.
type someTraces struct{}

func (someTraces) Examples(_ context.Context, ids []string) (out []evaluation.Example, err error) {
	for _, id := range ids {
		e := evaluation.Example{TraceID: id}
		if (id[len(id)-1]-'0')%2 == 0 {
			e.Input, e.Output = `what is `+id, `{"answer": "`+id+`"}`
			e.Expectations = []evaluation.Expected{{Name: "answer", Value: json.RawMessage(`"right"`)}}
		} else {
			e.Problem = "odd"
		}
		out = append(out, e)
	}
	return out, nil
}

func newDatasetBench(t *testing.T, open Open) *datasetBench {
	log := &viewAudit{}
	s := evaluation.New(sqlstore.NewEvaluation(open(t)), evaluation.Config{Traces: someTraces{}, Audit: log})
	d, err := s.CreateDataset(t.Context(), evaluation.NewDataset{Name: "golden"})
	if err != nil {
		t.Fatal(err)
	}
	return &datasetBench{s, log, d.ID}
}

func (b *datasetBench) records(t *testing.T, q evaluation.RecordQuery) []*evaluation.Record {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	list, _, err := b.FindRecords(t.Context(), b.id, q)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func datasetFind(t *testing.T, b *datasetBench) {
	var lines strings.Builder
	for i := range 25 {
		fmt.Fprintf(&lines, `{"inputs":{"q":"Question 100%% %d"},"outputs":"answer_%d"}`+"\n", i, i)
	}
	if im, err := b.Import(t.Context(), b.id, evaluation.JSONL, []byte(lines.String()), false); err != nil || im.Inserted != 25 {
		t.Fatalf("%+v %v", im, err)
	}
	var seen []string
	for token := ""; ; {
		list, next, err := b.FindRecords(t.Context(), b.id, evaluation.RecordQuery{Text: "question", Limit: 10, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			seen = append(seen, string(r.Outputs))
		}
		if token = next; next == "" {
			break
		}
	}
	if len(seen) != 25 || seen[0] != `"answer_0"` || seen[24] != `"answer_24"` {
		t.Fatal(seen)
	}
	for text, n := range map[string]int{"100% 7": 1, "ANSWER_2": 6, "answer%": 0, "nothing": 0} {
		if got := len(b.records(t, evaluation.RecordQuery{Text: text})); got != n {
			t.Errorf("%q finds %d, want %d", text, got, n)
		}
	}
	_, next, _ := b.FindRecords(t.Context(), b.id, evaluation.RecordQuery{Text: "question", Limit: 10})
	_, _, err := b.FindRecords(t.Context(), b.id, evaluation.RecordQuery{Text: "other", Limit: 10, Token: next})
	mustFail(t, err, fault.Invalid)
}

func datasetEdit(t *testing.T, b *datasetBench) {
	if _, _, err := b.UpsertRecords(t.Context(), b.id, []byte(`[{"inputs":{"q":1},"expectations":{"a":1,"b":2}}]`)); err != nil {
		t.Fatal(err)
	}
	before, _ := b.Dataset(t.Context(), b.id)
	r := b.records(t, evaluation.RecordQuery{})[0]
	changed, err := b.ChangeRecord(t.Context(), b.id, r.ID, evaluation.RecordChange{Expectations: []byte(`{"b":3, "c":{"d":null}}`)})
	if err != nil || string(changed.Expectations) != `{"b":3,"c":{"d":null}}` {
		t.Fatalf("%s %v", changed.Expectations, err)
	}
	after, _ := b.Dataset(t.Context(), b.id)
	if after.Records != 1 || !strings.Contains(after.Schema, `"c": "object"`) || after.Updated < before.Updated {
		t.Fatalf("%+v", after)
	}
	if got, err := b.Record(t.Context(), b.id, r.ID); err != nil || string(got.Expectations) != `{"b":3,"c":{"d":null}}` || string(got.Inputs) != `{"q":1}` {
		t.Fatalf("%+v %v", got, err)
	}
	if changed, err = b.ChangeRecord(t.Context(), b.id, r.ID, evaluation.RecordChange{Expectations: []byte("null")}); err != nil || changed.Expectations != nil {
		t.Fatalf("%s %v", changed.Expectations, err)
	}
	_, err = b.ChangeRecord(t.Context(), b.id, r.ID, evaluation.RecordChange{Expectations: []byte(`[1]`)})
	mustFail(t, err, fault.Invalid)
	_, err = b.ChangeRecord(t.Context(), b.id, "dr-none", evaluation.RecordChange{Tags: []byte(`{}`)})
	mustFail(t, err, fault.NotFound)
	if n, err := b.DeleteRecords(t.Context(), b.id, []string{r.ID}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := b.DeleteDataset(t.Context(), b.id); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.audit.actions, ","); got != "dataset.delete_records "+b.id+",dataset.delete "+b.id {
		t.Fatal(got)
	}
}

// datasetImport: a file with one bad line leaves nothing behind.
func datasetImport(t *testing.T, b *datasetBench) {
	good := `{"inputs":{"q":"a"}}` + "\n" + `{"inputs":{"q":"b"}}` + "\n"
	im, err := b.Import(t.Context(), b.id, evaluation.JSONL, []byte(good+`{"inputs":7}`), false)
	if err != nil || im.Committed || im.Found != 1 || im.Problems[0].Line != 3 || im.Problems[0].Field != "inputs" {
		t.Fatalf("%+v %v", im, err)
	}
	if n := len(b.records(t, evaluation.RecordQuery{})); n != 0 {
		t.Fatalf("%d records of a refused file", n)
	}
	im, err = b.Import(t.Context(), b.id, evaluation.JSONL, []byte(good), true)
	if err != nil || im.Committed || im.Records != 2 || len(im.Preview) != 2 || len(b.records(t, evaluation.RecordQuery{})) != 0 {
		t.Fatalf("a check stores nothing: %+v %v", im, err)
	}
	im, err = b.Import(t.Context(), b.id, evaluation.CSV, []byte("\xef\xbb\xbfq\na\nb\na\n"), false)
	if err != nil || !im.Committed || im.Inserted != 2 || im.Repeated != 1 {
		t.Fatalf("%+v %v", im, err)
	}
	im, err = b.Import(t.Context(), b.id, evaluation.JSONL, []byte("a\n\xff"), false)
	if err != nil || im.Found != 1 || im.Problems[0].Line != 2 {
		t.Fatalf("%+v %v", im, err)
	}
	_, err = b.Import(t.Context(), b.id, "xml", []byte(good), false)
	mustFail(t, err, fault.Invalid)
}

func datasetTraces(t *testing.T, b *datasetBench) {
	added, err := b.AddTraces(t.Context(), b.id, []string{"tr-2", "tr-3", "tr-4"})
	if err != nil || added.Inserted != 2 || len(added.Skipped) != 1 || added.Skipped[0] != (evaluation.Skipped{TraceID: "tr-3", Reason: "odd"}) {
		t.Fatalf("%+v %v", added, err)
	}
	added, err = b.AddTraces(t.Context(), b.id, []string{"tr-2"})
	if err != nil || added.Inserted != 0 || added.Updated != 1 {
		t.Fatalf("again: %+v %v", added, err)
	}
	list := b.records(t, evaluation.RecordQuery{TraceID: "tr-4"})
	if len(list) != 1 || string(list[0].Inputs) != `{"input":"what is tr-4"}` || string(list[0].Outputs) != `{"answer":"tr-4"}` || string(list[0].Expectations) != `{"answer":"right"}` {
		t.Fatalf("%+v", list)
	}
	d, _ := b.Dataset(t.Context(), b.id)
	if by, traces, err := b.Sources(t.Context(), d); err != nil || by["TRACE"] != 2 || traces != 2 {
		t.Fatal(by, traces, err)
	}
	of, err := b.RecordsOfTrace(t.Context(), "tr-2", 10)
	if err != nil || len(of) != 1 || of[0].DatasetID != b.id || of[0].Dataset != "golden" {
		t.Fatalf("%+v %v", of, err)
	}
	_, err = b.AddTraces(t.Context(), b.id, nil)
	mustFail(t, err, fault.Invalid)
	_, err = b.AddTraces(t.Context(), "d-none", []string{"tr-2"})
	mustFail(t, err, fault.NotFound)
}
