package flow

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// An import copies what another tracking server or directory holds.
//
//   - Ids stay: runs, traces, logged models, assessments, numbers of versions.
//     Experiments meet those of their name; places of artifacts become ours.
//   - Nothing that was here before is changed. What is here under the same id,
//     differs and was not imported by us is reported, not overwritten.
//   - Each page is one checkpoint. What a page copies is in the ledger as
//     'copying' before the first byte, and as 'done' in the transaction of the
//     checkpoint, so that an attempt that dies is gone over again from its
//     page: every copy is idempotent.
//   - The report is evidence: after the copy both sides are read again and
//     compared field by field.

// ImportJob is the kind of the jobs that import.
const ImportJob = "import.mlflow"

// ImportSpec is what to import, and the input of the job.
type ImportSpec struct {
	Source      string   `json:"source"`                // URL, or a directory on the server's machine
	Experiments []string `json:"experiments,omitempty"` // by name; nil is all
	NoTraces    bool     `json:"no_traces,omitempty"`
	NoArtifacts bool     `json:"no_artifacts,omitempty"`
	DryRun      bool     `json:"dry_run,omitempty"`     // count, copy nothing
	VerifyOnly  bool     `json:"verify_only,omitempty"` // compare, copy nothing
	NoVerify    bool     `json:"no_verify,omitempty"`   // copy, compare nothing
}

// Directory reports whether the source is a directory.
func (s *ImportSpec) Directory() bool { return !strings.Contains(s.Source, "://") }

// Credentials of a source. They are kept sealed and only while the job needs
// them.
type Credentials struct {
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	Token    string `json:"token,omitempty"`
}

// Jobs queues and reads jobs.
type Jobs interface {
	Enqueue(ctx context.Context, s job.Spec) (job.Job, error)
	Get(ctx context.Context, id string) (job.Job, error)
	List(ctx context.Context, kind string, only []job.State, limit int, token string) ([]job.Job, string, error)
}

// Sealer encrypts credentials, bound to a job.
type Sealer interface {
	Seal(id, plain string) []byte
	Open(id string, sealed []byte) (string, error)
}

// Audit is told that an import was begun.
type Audit interface {
	Record(ctx context.Context, action, kind, id string, before, after any) error
}

// ImportConfig is what an [Importer] works with. All but Now and Log are
// required.
type ImportConfig struct {
	Tracking   *tracking.Service
	Artifacts  *tracking.Artifacts
	Registry   *registry.Service
	Tracing    *tracing.Service
	Evaluation *evaluation.Service
	Ledger     Ledger
	Jobs       Jobs
	Seal       Sealer
	Audit      Audit
	// Connect opens a source; it fails if the address may not be read.
	Connect func(ctx context.Context, spec ImportSpec, c Credentials) (Source, error)
	Now     func() time.Time
	Log     *slog.Logger
}

// Importer starts imports and does them.
type Importer struct{ cfg ImportConfig }

// NewImporter returns an importer.
func NewImporter(cfg ImportConfig) *Importer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Importer{cfg}
}

const (
	secretLife     = 7 * 24 * time.Hour
	maxExperiments = 1000 // that a spec may name
)

// Start queues an import; one of the same source that is at work already is
// returned instead.
func (im *Importer) Start(ctx context.Context, spec ImportSpec, c Credentials) (job.Job, error) {
	if err := spec.Check(); err != nil {
		return job.Job{}, err
	}
	title := "Import of " + short(spec.Source, 200)
	switch {
	case spec.DryRun:
		title = "Count of " + short(spec.Source, 200)
	case spec.VerifyOnly:
		title = "Comparison with " + short(spec.Source, 200)
	}
	var j job.Job
	err := im.cfg.Ledger.Write(ctx, func(ctx context.Context) error {
		var err error
		if j, err = im.cfg.Jobs.Enqueue(ctx, job.Spec{Kind: ImportJob, Title: title, Input: spec, Priority: 3, Unit: "items", Key: spec.Source}); err != nil {
			return err
		}
		now := im.cfg.Now()
		if err := im.cfg.Ledger.DropSecrets(ctx, "", now.Add(-secretLife).UnixMilli()); err != nil {
			return err
		}
		if c != (Credentials{}) {
			plain, err := json.Marshal(c)
			if err != nil {
				return err
			}
			if err := im.cfg.Ledger.PutSecret(ctx, j.ID, im.cfg.Seal.Seal(j.ID, string(plain))); err != nil {
				return err
			}
		}
		return im.cfg.Audit.Record(ctx, "import.start", "import", j.ID, nil, spec)
	})
	return j, err
}

// Check makes the address canonical, so that a source has one ledger.
func (s *ImportSpec) Check() error {
	s.Source = strings.TrimSpace(s.Source)
	switch {
	case s.Source == "":
		return fault.Invalidf("source is missing: the URL of an MLflow server, or a directory such as /data/mlruns")
	case len(s.Source) > 2000 || strings.ContainsRune(s.Source, 0):
		return fault.Invalidf("source is no URL and no directory")
	case len(s.Experiments) > maxExperiments:
		return fault.Invalidf("at most %d experiments can be named", maxExperiments)
	case s.DryRun && s.VerifyOnly, s.NoVerify && s.VerifyOnly:
		return fault.Invalidf("dry_run, verify_only and no_verify exclude one another")
	}
	if s.Directory() {
		if !strings.HasPrefix(s.Source, "/") {
			return fault.Invalidf("the directory %s is relative; give its whole path on the server's machine", short(s.Source, 200))
		}
		s.Source = "/" + strings.Trim(s.Source, "/")
		return nil
	}
	u, err := url.Parse(s.Source)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fault.Invalidf("the source must be an http or https URL, or a directory; start `mlflow server --backend-store-uri …` for a database")
	}
	if u.User != nil {
		return fault.Invalidf("the source's URL holds credentials; give them as username and password, or token")
	}
	u.RawQuery, u.Fragment = "", ""
	u.Host, u.Path = strings.ToLower(u.Host), strings.TrimRight(u.Path, "/")
	s.Source = u.String()
	return nil
}

// Import is an import with the report it has so far.
type Import struct {
	Job    job.Job
	Spec   ImportSpec
	Phase  string
	Report *Report // nil before there is one
}

// Get returns an import of the caller's workspace.
func (im *Importer) Get(ctx context.Context, id string) (Import, error) {
	j, err := im.cfg.Jobs.Get(ctx, id)
	if err == nil && j.Kind != ImportJob {
		err = fault.NotFoundf("no import %q", short(id, 100))
	}
	if err != nil {
		return Import{}, err
	}
	return open(j), nil
}

// List returns a page of imports, newest first, and the next page's token.
func (im *Importer) List(ctx context.Context, limit int, token string) ([]Import, string, error) {
	jobs, next, err := im.cfg.Jobs.List(ctx, ImportJob, nil, limit, token)
	if err != nil {
		return nil, "", err
	}
	out := make([]Import, len(jobs))
	for i, j := range jobs {
		out[i] = open(j)
	}
	return out, next, nil
}

func open(j job.Job) Import {
	i := Import{Job: j}
	_ = json.Unmarshal(j.Input, &i.Spec) // written by Start
	if len(j.Output) > 0 {
		i.Report = newReport()
		_ = json.Unmarshal(j.Output, i.Report)
		return i
	}
	var at position
	if len(j.Checkpoint) > 0 && json.Unmarshal(j.Checkpoint, &at) == nil {
		i.Report, i.Phase = at.Report, at.Phase
	}
	return i
}

// Kind is the job that imports.
func (im *Importer) Kind() job.Kind {
	return job.Kind{Name: ImportJob, Queue: "import", MaxFailures: 30,
		Backoff: func(n int) time.Duration { return min(2*time.Second<<min(n-1, 10), time.Minute) },
		Work:    im.work}
}

// position is the checkpoint: the phase and the page in it that comes next.
type position struct {
	Phase      string  `json:"phase"`
	Experiment int64   `json:"experiment"` // in phases over experiments: the present one
	Name       string  `json:"name,omitempty"`
	Token      string  `json:"token,omitempty"`
	Done       int64   `json:"done"`
	Total      int64   `json:"total"`
	Report     *Report `json:"report"`
}

// worker is one attempt at one import.
type worker struct {
	*Importer
	run    *job.Run
	spec   ImportSpec
	source Source
	no     int64 // of the source in the ledger
	verify bool  // now comparing

	experiments []tracking.Experiment // of the source, chosen ones, by id
	ours        map[int64]*tracking.Experiment

	mu sync.Mutex
	at position
}

// phase is one part of the work, resumed at the worker's position.
type phase struct {
	name string
	work func(w *worker, ctx context.Context) error
}

// prefix of the phases that compare.
const verifying = "verify "

// phases lists what a spec asks for.
func (s *ImportSpec) phases() []phase {
	copies := []phase{
		{"runs", (*worker).runs}, {"logged models", (*worker).models}, {"registry", (*worker).registered}, {"prompts", (*worker).prompts},
		{"traces", (*worker).traces}, {"datasets", (*worker).datasets}, {"scorers", (*worker).scorers},
	}
	if s.NoTraces {
		copies = slices.DeleteFunc(copies, func(p phase) bool { return p.name == "traces" })
	}
	all := []phase{{"count", (*worker).countAll}}
	if s.DryRun {
		return all
	}
	if !s.VerifyOnly {
		all = append(append(all, copies...), phase{"experiments", (*worker).finishExperiments})
	}
	if !s.NoVerify {
		all = append(all, phase{verifying + "experiments", (*worker).verifyExperiments})
		for _, p := range copies {
			all = append(all, phase{verifying + p.name, p.work})
		}
	}
	return all
}

func (im *Importer) work(ctx context.Context, r *job.Run) error {
	w := &worker{Importer: im, run: r, at: position{Total: -1, Report: newReport()}}
	if err := r.Input(&w.spec); err != nil {
		return err
	}
	resumed, err := r.Resume(&w.at)
	if err != nil {
		return err
	}
	if err := w.connect(ctx); err != nil {
		return err
	}
	defer w.source.Close()
	if resumed {
		if err := r.Event(ctx, job.Info, "goes on with %s", w.at.Phase); err != nil {
			return err
		}
	}
	if err := w.openExperiments(ctx); err != nil {
		return err
	}
	phases := w.spec.phases()
	first := max(0, slices.IndexFunc(phases, func(p phase) bool { return p.name == w.at.Phase }))
	for _, p := range phases[first:] {
		if w.at.Phase != p.name {
			w.at.Phase, w.at.Experiment, w.at.Name, w.at.Token = p.name, 0, "", ""
			if err := w.checkpoint(ctx, nil); err != nil {
				return err
			}
		}
		w.verify = strings.HasPrefix(p.name, verifying)
		began := im.cfg.Now()
		if err := p.work(w, ctx); err != nil {
			return err
		}
		w.at.Report.Seconds[p.name] += im.cfg.Now().Sub(began).Seconds()
	}
	return w.finish(ctx)
}

func (w *worker) connect(ctx context.Context) error {
	sealed, err := w.cfg.Ledger.Secret(ctx, w.run.Job.ID)
	if err != nil {
		return err
	}
	var c Credentials
	if sealed != nil {
		plain, err := w.cfg.Seal.Open(w.run.Job.ID, sealed)
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(plain), &c); err != nil {
			return fault.Wrap(fault.Internal, "flow.connect", err, "the credentials cannot be read")
		}
	}
	if w.source, err = w.cfg.Connect(ctx, w.spec, c); err != nil {
		return err
	}
	info, err := w.source.Describe(ctx)
	if err != nil {
		w.source.Close()
		return err
	}
	w.at.Report.Source = info
	for _, what := range info.NotCarried {
		w.at.Report.leave(what)
	}
	return w.run.Write(ctx, func(ctx context.Context) error {
		w.no, err = w.cfg.Ledger.OpenSource(ctx, w.spec.Source)
		return err
	})
}

// checkpoint makes the position durable together with what fn stores.
func (w *worker) checkpoint(ctx context.Context, fn func(ctx context.Context) error) error {
	w.mu.Lock()
	at := w.at
	w.mu.Unlock()
	w.run.Progress(ctx, at.Done, at.Total, "items")
	return w.run.Checkpoint(ctx, at, fn)
}

// did reports one more item.
func (w *worker) did(ctx context.Context) {
	w.mu.Lock()
	w.at.Done++
	done, total := w.at.Done, w.at.Total
	w.mu.Unlock()
	w.run.Progress(ctx, done, total, "items")
}

// finish ends the job with its report.
func (w *worker) finish(ctx context.Context) error {
	r := w.at.Report
	message, level := "everything is here as it is there", job.Info
	switch n := r.Trouble(); {
	case w.spec.DryRun:
		message = "counted; nothing was copied"
	case n > 0:
		message, level = strconv.FormatInt(n, 10)+" items differ or could not be copied; see the report", job.Warning
	case w.spec.NoVerify:
		message = "copied; the two sides were not compared"
	}
	if err := w.run.Event(ctx, level, "%s", message); err != nil {
		return err
	}
	// What was foreseen and what was met need not be the same number.
	w.run.Progress(ctx, w.at.Done, w.at.Done, "items")
	result := job.Result{Label: "Report", Path: "/w/" + caller.Workspace(ctx) + "/imports/" + w.run.Job.ID}
	return w.run.Finish(ctx, result, r, func(ctx context.Context) error {
		return w.cfg.Ledger.DropSecrets(ctx, w.run.Job.ID, 0)
	})
}
