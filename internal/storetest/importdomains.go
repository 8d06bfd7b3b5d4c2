package storetest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/tracking"
)

// ImportedThings is the suite of the entries by which domains take in what
// another server made: ids and times stay, and twice is once.
func ImportedThings(t *testing.T, open Open) {
	db := open(t)
	now := func() time.Time { return time.UnixMilli(9_000_000) }
	t.Run("runs", func(t *testing.T) { importedRuns(t, tracking.New(sqlstore.NewTracking(db), tracking.Config{Now: now})) })
	t.Run("registry", func(t *testing.T) {
		importedVersions(t, registry.New(sqlstore.NewRegistry(db), registry.Config{Now: now}))
	})
	t.Run("evaluation", func(t *testing.T) {
		e, _, err := tracking.New(sqlstore.NewTracking(db), tracking.Config{Now: now}).ImportExperiment(t.Context(), tracking.Experiment{Name: "scored"})
		if err != nil {
			t.Fatal(err)
		}
		importedRecords(t, evaluation.New(sqlstore.NewEvaluation(db), evaluation.Config{Now: now}), e.ID)
	})
}

func importedRuns(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	e, made, err := s.ImportExperiment(ctx, tracking.Experiment{ID: 77, Name: "theirs", ArtifactLocation: "s3://far", CreatedAt: 5, UpdatedAt: 6, Tags: []tracking.Tag{{Key: "a", Value: "1"}}})
	if err != nil || !made || e.ArtifactLocation == "s3://far" || e.CreatedAt != 5 {
		t.Fatalf("%+v %v %v", e, made, err)
	}
	if again, made, err := s.ImportExperiment(ctx, tracking.Experiment{Name: "theirs"}); err != nil || made || again.ID != e.ID {
		t.Fatalf("the second time: %+v %v %v", again, made, err)
	}
	end := int64(20)
	run := tracking.Run{
		Info:   tracking.Info{ID: "00ff00ff00ff00ff00ff00ff00ff00ff", Experiment: e.ID, Name: "n", User: "u", Status: tracking.Running, StartTime: 10, ArtifactURI: "s3://far/x"},
		Params: []tracking.Param{{Key: "p", Value: "1"}}, Tags: []tracking.Tag{{Key: "t", Value: "1"}},
		Datasets: []tracking.DatasetInput{{Dataset: tracking.Dataset{Name: "d", Digest: "x"}}}, Outputs: []tracking.ModelRef{{ModelID: "m-1", Step: 3}},
	}
	points := []tracking.Metric{{Key: "m", Value: 2, Timestamp: 5, Step: 9}, {Key: "m", Value: 1, Timestamp: 6, Step: 3}, {Key: "m", Value: math.NaN(), Timestamp: 1}, {Key: "m", Value: math.Inf(1), Timestamp: 2}}
	for range 2 {
		if err := s.ImportRun(ctx, run); err != nil {
			t.Fatal(err)
		}
		if err := s.ImportMetrics(ctx, run.ID, points); err != nil {
			t.Fatal(err)
		}
		run.Status, run.EndTime, run.Stage = tracking.Finished, &end, tracking.Deleted
	}
	if err := s.ImportRun(ctx, run); err != nil {
		t.Fatal(err)
	}
	got, err := s.Run(ctx, run.ID)
	if err != nil || got.Status != tracking.Finished || *got.EndTime != 20 || got.Stage != tracking.Deleted || got.StartTime != 10 || got.User != "u" ||
		len(got.Params) != 1 || len(got.Datasets) != 1 || len(got.Outputs) != 1 || len(got.Metrics) != 1 || got.Metrics[0].Value != 2 {
		t.Fatalf("read back %+v %v", got, err)
	}
	n := 0
	if _, err := s.MetricHistory(ctx, run.ID, "m", 0, "", func(tracking.Metric) error { n++; return nil }); err != nil || n != 4 {
		t.Fatalf("%d points, %v", n, err)
	}
	run.Params = []tracking.Param{{Key: "p", Value: "2"}}
	if err := s.ImportRun(ctx, run); !fault.Is(err, fault.Invalid) {
		t.Fatalf("a param that changed: %v", err)
	}
	run.Experiment = e.ID + 1000
	if err := s.ImportRun(ctx, run); !fault.Is(err, fault.NotFound) {
		t.Fatalf("into no experiment: %v", err)
	}
}

func importedVersions(t *testing.T, s *registry.Service) {
	ctx := t.Context()
	for range 2 {
		if err := s.ImportModel(ctx, registry.Model{Name: "m", Description: "d", Created: 5, Updated: 6}); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{2, 5} {
			if err := s.ImportVersion(ctx, registry.Version{Name: "m", Number: n, Stage: "None", Source: "s3://far/x", RunID: "r", Created: 7, Updated: 8}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.ImportAliases(ctx, "m", []registry.Alias{{Name: "best", Version: 2}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ImportAliases(ctx, "m", []registry.Alias{{Name: "gone", Version: 3}}); !fault.Is(err, fault.NotFound) {
		t.Fatalf("an alias of a version that is not here: %v", err)
	}
	m, err := s.Model(ctx, "m")
	if err != nil || m.Versions != 2 || m.LastVersion != 5 || m.Created != 5 || m.Updated != 6 || len(m.Aliases) != 1 {
		t.Fatalf("%+v %v", m, err)
	}
	v, err := s.Version(ctx, "m", 5)
	if err != nil || v.Created != 7 || v.Updated != 8 || v.Location != "s3://far/x" {
		t.Fatalf("%+v %v", v, err)
	}
	next, err := s.CreateVersion(ctx, registry.NewVersion{Name: "m", Source: "s3://bucket/y"})
	if err != nil || next.Number != 6 {
		t.Fatalf("the next version is %+v, %v", next, err)
	}
	prompt := registry.Model{Name: "m", Tags: []registry.Tag{{Key: registry.PromptTag, Value: "true"}}}
	if err := s.ImportModel(ctx, prompt); !fault.Is(err, fault.Exists) {
		t.Fatalf("a prompt over a model: %v", err)
	}
}

func importedRecords(t *testing.T, s *evaluation.Service, experiment int64) {
	ctx := t.Context()
	record := evaluation.Record{ID: "dr-1", Inputs: []byte(`{"q": 1}`), Outputs: []byte(`"a"`), Tags: []byte(`{}`), Created: 3, Updated: 4}
	for range 2 {
		if err := s.ImportDataset(ctx, evaluation.Dataset{ID: "d-1", Name: "n", Digest: "x", Created: 1, Updated: 2}); err != nil {
			t.Fatal(err)
		}
		if err := s.ImportRecords(ctx, "d-1", []evaluation.Record{record}); err != nil {
			t.Fatal(err)
		}
		record.Outputs = []byte(`"b"`)
	}
	d, err := s.Dataset(ctx, "d-1")
	if err != nil || d.Records != 1 || d.Updated != 2 || d.Digest != "x" {
		t.Fatalf("%+v %v", d, err)
	}
	list, _, err := s.Records(ctx, "d-1", 10, "")
	if err != nil || len(list) != 1 || list[0].ID != "dr-1" || list[0].Created != 3 || string(list[0].Outputs) != `"b"` {
		t.Fatalf("%+v %v", list, err)
	}
	for _, n := range []int64{1, 4, 4} {
		if err := s.ImportScorer(ctx, evaluation.Scorer{Experiment: experiment, Name: "sc", Version: n, Serialized: `{"name":"sc"}`, Created: n}); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := s.ImportedScorers(ctx, experiment, "sc")
	if err != nil || !slices.EqualFunc(versions, []int64{1, 4}, func(v *evaluation.Scorer, n int64) bool { return v.Version == n && v.Created == n }) {
		t.Fatalf("%+v %v", versions, err)
	}
	if err := s.ImportScorer(ctx, evaluation.Scorer{Experiment: experiment, Name: "sc", Version: 4, Serialized: `{"name":"other"}`}); !fault.Is(err, fault.Exists) {
		t.Fatalf("another text of a version: %v", err)
	}
}
