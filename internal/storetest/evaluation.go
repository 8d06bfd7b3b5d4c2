package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/webhook"
)

// Evaluation is the suite of the store of datasets, scorers and issues,
// through its service.
func Evaluation(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *evaluationBench){
		"records merge by inputs": evaluationMerge,
		"records page":            evaluationRecordPages,
		"datasets":                evaluationDatasets,
		"dataset search":          evaluationSearch,
		"scorers":                 evaluationScorers,
		"issues":                  evaluationIssues,
		"workspaces apart":        evaluationWorkspaces,
	} {
		t.Run(name, func(t *testing.T) { test(t, newEvaluationBench(t, open(t))) })
	}
}

type evaluationBench struct {
	*evaluation.Service
	db *sqlstore.DB
}

// newEvaluationBench has the experiments 1 to 3.
func newEvaluationBench(t *testing.T, db *sqlstore.DB) *evaluationBench {
	t.Helper()
	now := time.UnixMilli(1_700_000_000_000)
	err := db.Write(t.Context(), func(ctx context.Context) error {
		for i := range 3 {
			_, err := db.Exec(ctx, `INSERT INTO experiment (experiment_id, workspace, name, artifact_location, created_at, updated_at) VALUES (?, ?, ?, '', 0, 0)`,
				int64(i+1), caller.DefaultWorkspace, fmt.Sprint("e", i+1))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return &evaluationBench{evaluation.New(sqlstore.NewEvaluation(db), evaluation.Config{
		Experiments: knownExperiments{"1", "2", "3"},
		Now:         func() time.Time { now = now.Add(time.Millisecond); return now },
	}), db}
}

type knownExperiments []string

func (k knownExperiments) ActiveExperiment(_ context.Context, id string) error {
	if !slices.Contains(k, id) {
		return fault.NotFoundf("No Experiment with id=%s exists", id)
	}
	return nil
}

func (b *evaluationBench) dataset(t *testing.T, name string, tags ...evaluation.Tag) *evaluation.Dataset {
	t.Helper()
	d, err := b.CreateDataset(t.Context(), evaluation.NewDataset{Name: name, Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (b *evaluationBench) upsert(t *testing.T, id, list string) string {
	t.Helper()
	inserted, updated, err := b.UpsertRecords(t.Context(), id, []byte(list))
	if err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	return fmt.Sprint(inserted, " ", updated)
}

func evaluationMerge(t *testing.T, b *evaluationBench) {
	d := b.dataset(t, "d")
	if d.Schema != "" || d.Records != 0 || !strings.HasPrefix(d.ID, "d-") {
		t.Errorf("a new dataset is %+v", d)
	}
	got := b.upsert(t, d.ID, `[
		{"inputs": {"q": "hi", "k": 1}, "expectations": {"z": "x", "a": 1}, "tags": {"t": "1"}},
		{"inputs": {"k": 1, "q": "hi"}, "expectations": {"a": 2}, "tags": {"u": "2"}},
		{"inputs": {"k": 1.0, "q": "hi"}, "outputs": "text", "source": {"source_type": "trace", "source_data": {"trace_id": "tr-1"}}},
		{"inputs": {}, "outputs": null, "tags": {"mlflow.user": "ann"}}]`)
	if got != "3 1" {
		t.Errorf("inserted and updated: %s; want 3 1", got)
	}
	list, next, err := b.Service.Records(t.Context(), d.ID, 0, "")
	if err != nil || len(list) != 3 || next != "" {
		t.Fatalf("%d records, %v", len(list), err)
	}
	r := list[0]
	if string(r.Inputs) != `{"q":"hi","k":1}` || string(r.Expectations) != `{"z":"x","a":2}` || string(r.Tags) != `{"t":"1","u":"2"}` || string(r.Outputs) != "{}" {
		t.Errorf("merged record: inputs %s expectations %s tags %s outputs %s", r.Inputs, r.Expectations, r.Tags, r.Outputs)
	}
	if r := list[1]; string(r.Outputs) != `"text"` || r.SourceType != "TRACE" || r.SourceID != "tr-1" || r.Expectations != nil || string(r.Tags) != "{}" {
		t.Errorf("record from a trace: %+v", r)
	}
	if r := list[2]; r.Outputs != nil || r.CreatedBy != "ann" {
		t.Errorf("record with null outputs: %+v", r)
	}
	before, err := b.Dataset(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"inputs": {"q": "string", "k": "integer"}, "outputs": "string", "expectations": {"z": "string", "a": "integer"}, "version": "1.0"}`; before.Schema != want {
		t.Errorf("schema %s; want %s", before.Schema, want)
	}
	if got := b.upsert(t, d.ID, `[{"inputs": {"q": "hi", "k": 1}, "outputs": {"x": true}}]`); got != "0 1" {
		t.Errorf("inserted and updated: %s; want 0 1", got)
	}
	after, err := b.Dataset(t.Context(), d.ID)
	if err != nil || after.Digest == before.Digest || after.Records != 3 {
		t.Errorf("after a merge: %+v, %v", after, err)
	}
	list, _, err = b.Service.Records(t.Context(), d.ID, 0, "")
	if err != nil || string(list[0].Outputs) != `{"x":true}` || string(list[0].Expectations) != `{"z":"x","a":2}` || list[0].Updated <= list[0].Created {
		t.Errorf("merged again: %+v, %v", list[0], err)
	}
	n, err := b.DeleteRecords(t.Context(), d.ID, []string{list[0].ID, "dr-none"})
	if err != nil || n != 1 {
		t.Errorf("deleted %d, %v", n, err)
	}
	if d, err := b.Dataset(t.Context(), d.ID); err != nil || d.Records != 2 {
		t.Errorf("%d records are counted, %v", d.Records, err)
	}
	for _, bad := range []string{`{}`, `null`, `[1]`, `[{"inputs": []}]`, `[{"inputs": {}, "tags": 1}]`, `[{"inputs": {}, "source": {"source_type": "x"}}]`, `[{"inputs": {"a": "\u0000"}}]`, `[`} {
		_, _, err := b.UpsertRecords(t.Context(), d.ID, []byte(bad))
		failsAs(t, err, fault.Invalid)
	}
	_, _, err = b.UpsertRecords(t.Context(), "d-none", []byte(`[]`))
	failsAs(t, err, fault.NotFound)
}

func evaluationRecordPages(t *testing.T, b *evaluationBench) {
	d := b.dataset(t, "d")
	var list []string
	for i := range 257 {
		list = append(list, fmt.Sprintf(`{"inputs": {"i": %d}}`, i))
	}
	if got := b.upsert(t, d.ID, "["+strings.Join(list, ",")+"]"); got != "257 0" {
		t.Fatal(got)
	}
	token, at := "", 0
	for {
		records, next, err := b.Service.Records(t.Context(), d.ID, 100, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if want := fmt.Sprintf(`{"i":%d}`, at); string(r.Inputs) != want {
				t.Fatalf("record %d is %s", at, r.Inputs)
			}
			at++
		}
		if token = next; token == "" {
			break
		}
	}
	if at != 257 {
		t.Errorf("%d records; want 257", at)
	}
}

func evaluationDatasets(t *testing.T, b *evaluationBench) {
	d, err := b.CreateDataset(t.Context(), evaluation.NewDataset{Name: "d", Experiments: []string{"2", "1"}, Tags: []evaluation.Tag{{Key: "mlflow.user", Value: "bob"}}})
	if err != nil || d.CreatedBy != "bob" {
		t.Fatalf("%+v, %v", d, err)
	}
	_, err = b.CreateDataset(t.Context(), evaluation.NewDataset{Name: "d", Experiments: []string{"77"}})
	failsAs(t, err, fault.NotFound)
	if d, err = b.SetDatasetTags(t.Context(), d.ID, []evaluation.Tag{{Key: "a", Value: "1"}}); err != nil || len(d.Tags) != 2 {
		t.Errorf("%+v, %v", d, err)
	}
	if err := b.DeleteDatasetTag(t.Context(), d.ID, "a"); err != nil {
		t.Error(err)
	}
	if err := b.DeleteDatasetTag(t.Context(), "d-none", "a"); err != nil {
		t.Error(err)
	}
	if d, err = b.LinkDataset(t.Context(), d.ID, []string{"3", "1"}); err != nil || !slices.Equal(d.Experiments, []int64{1, 2, 3}) {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err = b.UnlinkDataset(t.Context(), d.ID, []string{"2", "99", "x"}); err != nil || !slices.Equal(d.Experiments, []int64{1, 3}) {
		t.Errorf("%+v, %v", d, err)
	}
	if err := b.DeleteDataset(t.Context(), d.ID); err != nil {
		t.Error(err)
	}
	if err := b.DeleteDataset(t.Context(), d.ID); err != nil {
		t.Errorf("deleting it again: %v", err)
	}
	_, err = b.Dataset(t.Context(), d.ID)
	failsAs(t, err, fault.NotFound)
}

func evaluationSearch(t *testing.T, b *evaluationBench) {
	for i, name := range []string{"one", "Two", "three"} {
		d := b.dataset(t, name, evaluation.Tag{Key: "n", Value: fmt.Sprint(i)})
		if i > 0 {
			if _, err := b.LinkDataset(t.Context(), d.ID, []string{fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		search evaluation.DatasetSearch
		want   string
	}{
		{evaluation.DatasetSearch{}, "three Two one"},
		{evaluation.DatasetSearch{Order: []string{"name ASC"}}, "Two one three"},
		{evaluation.DatasetSearch{Filter: "name ILIKE 't%'"}, "three Two"},
		{evaluation.DatasetSearch{Filter: "name IN ('one', 'x')"}, "one"},
		{evaluation.DatasetSearch{Filter: "tags.n = '1'"}, "Two"},
		{evaluation.DatasetSearch{Filter: "tags.n != '1' AND created_time > 0"}, "three one"},
		{evaluation.DatasetSearch{Experiments: []string{"1", "2"}}, "three Two"},
		{evaluation.DatasetSearch{Experiments: []string{"2", "none"}}, "three"},
		{evaluation.DatasetSearch{Experiments: []string{"none"}}, ""},
	} {
		var names []string
		for {
			c.search.Limit = 1
			list, next, err := b.SearchDatasets(t.Context(), c.search)
			if err != nil {
				t.Fatalf("%+v: %v", c.search, err)
			}
			for _, d := range list {
				names = append(names, d.Name)
			}
			if c.search.Token = next; next == "" {
				break
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%+v finds %q; want %q", c.search, got, c.want)
		}
	}
}

const judge = `{"name": "j", "instructions_judge_pydantic_data": {"model": "openai:/gpt", "instructions": "x"}}`

func evaluationScorers(t *testing.T, b *evaluationBench) {
	first, err := b.RegisterScorer(t.Context(), "1", "j", judge)
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.RegisterScorer(t.Context(), "1", "j", judge)
	if err != nil || first.Version != 1 || second.Version != 2 || first.ID != second.ID {
		t.Fatalf("%+v, %+v, %v", first, second, err)
	}
	if _, err := b.RegisterScorer(t.Context(), "2", "j", judge); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		experiment, name, serialized string
		kind                         fault.Kind
	}{
		{"9", "j", judge, fault.NotFound},
		{"x", "j", judge, fault.NotFound},
		{"1", " ", judge, fault.Invalid},
		{"1", "j", "[]", fault.Invalid},
		{"1", "j", `{"a": [{"call_source": "import os"}]}`, fault.Invalid},
		{"1", "j", `{"builtin_scorer_pydantic_data": {"model": 1}}`, fault.Invalid},
		{"1", "j", strings.Replace(judge, "openai:/gpt", "gateway:/x", 1), fault.NotFound},
	} {
		_, err := b.RegisterScorer(t.Context(), bad.experiment, bad.name, bad.serialized)
		failsAs(t, err, bad.kind)
	}
	all, err := b.ScorersOf(t.Context(), nil)
	if err != nil || len(all) != 2 || all[0].Version != 2 || all[1].Experiment != 2 {
		t.Errorf("all scorers: %v, %v", all, err)
	}
	if some, err := b.ScorersOf(t.Context(), []string{"2", "77"}); err != nil || len(some) != 1 {
		t.Errorf("scorers of experiment 2: %v, %v", some, err)
	}
	config, err := b.ConfigureOnline(t.Context(), "1", "j", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.ConfigureOnline(t.Context(), "1", "j", 0.5, nil)
	failsAs(t, err, fault.Invalid)
	if list, err := b.OnlineConfigs(t.Context(), []string{first.ID, "none"}); err != nil || len(list) != 1 || list[0].ID != config.ID {
		t.Errorf("configurations: %v, %v", list, err)
	}
	two := int64(2)
	if err := b.DeleteScorer(t.Context(), "1", "j", &two); err != nil {
		t.Fatal(err)
	}
	if s, err := b.Scorer(t.Context(), "1", "j", nil); err != nil || s.Version != 1 {
		t.Errorf("newest after 2 was deleted: %+v, %v", s, err)
	}
	if s, err := b.RegisterScorer(t.Context(), "1", "j", judge); err != nil || s.Version != 3 {
		t.Errorf("a deleted number was given again: %+v, %v", s, err)
	}
	if err := b.DeleteScorer(t.Context(), "1", "j", nil); err != nil {
		t.Fatal(err)
	}
	failsAs(t, b.DeleteScorer(t.Context(), "1", "j", nil), fault.NotFound)
}

func evaluationIssues(t *testing.T, b *evaluationBench) {
	for _, severity := range []string{"", "low", "high", "not_an_issue", "medium", "high"} {
		_, err := b.CreateIssue(t.Context(), evaluation.NewIssue{Experiment: "1", Name: "i " + severity, Description: "d", Severity: severity, RootCauses: []string{"a", "b"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	search := evaluation.IssueSearch{Experiment: "1", Limit: 2, Filter: "status = 'pending'"}
	for {
		list, next, err := b.SearchIssues(t.Context(), search)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			names = append(names, strings.TrimPrefix(i.Name, "i "))
			if len(i.RootCauses) != 2 || i.Categories != nil {
				t.Errorf("%+v", i)
			}
		}
		if search.Token = next; next == "" {
			break
		}
	}
	if want := []string{"high", "high", "medium", "low", "not_an_issue", ""}; !slices.Equal(names, want) {
		t.Errorf("issues in order %q; want %q", names, want)
	}
	list, _, err := b.SearchIssues(t.Context(), evaluation.IssueSearch{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	i, err := b.UpdateIssue(t.Context(), list[0].ID, evaluation.IssueChange{Status: "resolved", Severity: "low"})
	if err != nil || i.Status != "resolved" || i.Severity != "low" || i.Name != list[0].Name {
		t.Errorf("%+v, %v", i, err)
	}
	_, err = b.UpdateIssue(t.Context(), i.ID, evaluation.IssueChange{Status: "open"})
	failsAs(t, err, fault.Invalid)
	_, err = b.Issue(t.Context(), "iss-none")
	failsAs(t, err, fault.NotFound)
	_, err = b.CreateIssue(t.Context(), evaluation.NewIssue{Experiment: "9", Name: "n", Description: "d"})
	failsAs(t, err, fault.NotFound)
}

func evaluationWorkspaces(t *testing.T, b *evaluationBench) {
	d := b.dataset(t, "d")
	other := caller.With(t.Context(), caller.Caller{User: "u", Role: caller.Admin, Workspace: "other"})
	_, err := b.Dataset(other, d.ID)
	failsAs(t, err, fault.NotFound)
	if list, _, err := b.SearchDatasets(other, evaluation.DatasetSearch{}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if err := b.DeleteDataset(other, d.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Dataset(t.Context(), d.ID); err != nil {
		t.Errorf("deleted from another workspace: %v", err)
	}
}

// Webhooks is the suite of the store of webhooks, through its service.
func Webhooks(t *testing.T, open Open) {
	db := open(t)
	queue, log := &deliveries{}, &auditLog{}
	now := time.UnixMilli(1_700_000_000_000)
	hooks := webhook.New(sqlstore.NewWebhooks(db), webhook.Config{
		Queue: queue, Key: [32]byte{1}, Now: func() time.Time { now = now.Add(time.Millisecond); return now }, Audit: log,
	})
	text := func(s string) *string { return &s }
	var ids []string
	for i := range 5 {
		w, err := hooks.Create(t.Context(), webhook.Change{
			Name: text(fmt.Sprint("w", i)), URL: text("https://example.com/hook"), Secret: text("s3cret"),
			Events: []webhook.Event{{Entity: "prompt", Action: "created"}, {Entity: "model_version", Action: "created"}, {Entity: "prompt", Action: "created"}},
		})
		if err != nil || len(w.Events) != 2 || strings.Contains(string(w.Sealed), "s3cret") {
			t.Fatalf("%+v, %v", w, err)
		}
		ids = append(ids, w.ID)
	}
	token, seen := "", []string{}
	for {
		list, next, err := hooks.List(t.Context(), 2, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range list {
			seen = append(seen, w.ID)
		}
		if token = next; token == "" {
			break
		}
	}
	slices.Reverse(seen)
	if !slices.Equal(seen, ids) {
		t.Errorf("listed %v; want %v, newest first", seen, ids)
	}
	off := false
	if w, err := hooks.Update(t.Context(), ids[0], webhook.Change{Active: &off}); err != nil || w.Active || len(w.Sealed) == 0 {
		t.Errorf("%+v, %v", w, err)
	}
	if _, err := hooks.Update(t.Context(), ids[1], webhook.Change{Events: []webhook.Event{{Entity: "prompt_tag", Action: "set"}}}); err != nil {
		t.Error(err)
	}
	if err := hooks.Delete(t.Context(), ids[2]); err != nil {
		t.Error(err)
	}
	failsAs(t, hooks.Delete(t.Context(), ids[2]), fault.NotFound)
	if want := []string{"create", "create", "create", "create", "create", "update", "update", "delete"}; !slices.Equal(log.actions, want) {
		t.Errorf("audited %v; want %v", log.actions, want)
	}
	if strings.Contains(log.text, "/hook") || strings.Contains(log.text, "s3cret") || !strings.Contains(log.text, "example.com") {
		t.Errorf("the audit log keeps of webhooks: %s", log.text)
	}
	if err := hooks.Publish(t.Context(), "prompt", "created", nil); err != nil {
		t.Fatal(err)
	}
	if len(queue.list) != 2 || queue.list[0].ID == queue.list[1].ID {
		t.Errorf("deliveries %+v; want two", queue.list)
	}
}

// auditLog keeps the verbs of what it is told, and all else as text.
type auditLog struct {
	actions []string
	text    string
}

func (l *auditLog) Record(_ context.Context, action, kind, _ string, before, after any) error {
	l.actions = append(l.actions, strings.TrimPrefix(action, kind+"."))
	kept, err := json.Marshal([]any{before, after})
	l.text += string(kept)
	return err
}

type deliveries struct{ list []webhook.Delivery }

func (d *deliveries) EnqueueDelivery(_ context.Context, one webhook.Delivery) error {
	d.list = append(d.list, one)
	return nil
}
