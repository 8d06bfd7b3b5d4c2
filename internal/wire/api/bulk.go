package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// traceBulk names the jobs that change all traces a query finds.
const traceBulk = "trace.bulk"

// bulk changes many traces: the ones named at once, all that match a query as
// a job.
type bulk struct {
	traces
	jobs  *job.Engine
	allow func(ctx context.Context, need caller.Permission) error
	now   func() time.Time
}

// ServeTraceBulk adds changes of many traces.
func (s *Server) ServeTraceBulk(domain *tracing.Service, jobs *job.Engine, now func() time.Time) {
	b := bulk{traces{domain: domain}, jobs, s.authorize, now}
	// Scoring needs less than the others, so the permission is asked within.
	s.add(route{method: "POST", path: "/w/{ws}/traces/bulk", need: caller.Annotate, call: body(b.change)})
}

// bulkTag is a tag to be set.
type bulkTag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type bulkRequest struct {
	TraceIDs []string         `json:"trace_ids,omitempty"`
	Query    *traceQuery      `json:"query,omitempty"`
	Delete   bool             `json:"delete,omitempty"`
	SetTag   *bulkTag         `json:"set_tag,omitempty"`
	Untag    string           `json:"untag,omitempty"`
	Assess   *assessmentInput `json:"assess,omitempty"`
}

func (req *bulkRequest) change(ctx context.Context) (c tracing.BulkChange, verb string, err error) {
	c.Delete, c.Untag = req.Delete, req.Untag
	switch {
	case req.Delete:
		verb = "Delete"
	case req.SetTag != nil:
		c.SetTag = &tracing.BulkTag{Key: req.SetTag.Key, Value: req.SetTag.Value}
		verb = fmt.Sprintf("Tag %s = %s on", clip(req.SetTag.Key), clip(req.SetTag.Value))
	case req.Untag != "":
		verb = fmt.Sprintf("Remove tag %s from", clip(req.Untag))
	case req.Assess != nil:
		verb = fmt.Sprintf("Score %s on", clip(req.Assess.Name))
	}
	if req.Assess != nil {
		a, err := req.Assess.assessment(ctx)
		if err != nil {
			return c, verb, err
		}
		if a.SpanID != "" {
			return c, verb, fault.Invalidf("a score of many traces is of whole traces: leave span_id out")
		}
		c.Assess = &a
	}
	return c, verb, nil
}

func (b bulk) change(ctx context.Context, _ *http.Request, req *bulkRequest) (any, error) {
	c, verb, err := req.change(ctx)
	if err != nil {
		return nil, err
	}
	if !req.onlyScores() {
		if err := b.allow(ctx, caller.Write); err != nil {
			return nil, err
		}
	}
	answer := struct {
		Changed *int `json:"changed"`
		Job     any  `json:"job"`
	}{}
	if req.Query == nil {
		ids, err := parseIDs(req.TraceIDs)
		if err != nil {
			return nil, err
		}
		n, err := b.domain.Change(ctx, ids, c)
		answer.Changed = &n
		return answer, err
	}
	if len(req.TraceIDs) > 0 {
		return nil, fault.Invalidf("give trace_ids or query, not both")
	}
	// What arrives from now on is not what the caller saw.
	if now := b.now().UnixMilli(); req.Query.ToMS == 0 || req.Query.ToMS > now {
		req.Query.ToMS = now
	}
	q, err := req.Query.query()
	if err != nil {
		return nil, err
	}
	if _, err := b.domain.Change(ctx, nil, c); err != nil { // wrong at once rather than in the job
		return nil, err
	}
	n, exact, err := b.domain.Count(ctx, q)
	if err != nil {
		return nil, err
	}
	spec := job.Spec{Kind: traceBulk, Title: verb + " traces", Input: req, Unit: "traces"}
	if exact {
		spec.Total, spec.Title = n, fmt.Sprintf("%s %d traces", verb, n)
	}
	j, err := b.jobs.Enqueue(ctx, spec)
	if err != nil {
		return nil, err
	}
	answer.Job = jobOf(j)
	return answer, nil
}

// onlyScores reports whether an annotator may ask for it.
func (req *bulkRequest) onlyScores() bool {
	return req.Assess != nil && !req.Delete && req.SetTag == nil && req.Untag == ""
}

func parseIDs(list []string) ([]trace.ID, error) {
	if len(list) == 0 || len(list) > 1000 {
		return nil, fault.Invalidf("trace_ids must name 1 to 1000 traces, not %d", len(list))
	}
	ids := make([]trace.ID, len(list))
	for i, s := range list {
		var err error
		if ids[i], err = trace.ParseID(s); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// bulkPlace is where a job that changes traces goes on.
type bulkPlace struct {
	Token string `json:"token"`
	Done  int64  `json:"done"`
}

// bulkChunk traces are found and changed between two checkpoints.
const bulkChunk = 500

// TraceBulk is the kind of job that changes all traces of a query. A process
// that dies between a change and its checkpoint repeats up to a chunk: for
// scores that is told apart by the job's id in their metadata.
func TraceBulk(domain *tracing.Service, audit tracing.Audit) job.Kind {
	return job.Kind{Name: traceBulk, Work: func(ctx context.Context, r *job.Run) error {
		var req bulkRequest
		if err := r.Input(&req); err != nil {
			return err
		}
		c, _, err := req.change(ctx)
		if err != nil {
			return err
		}
		q, err := req.Query.query()
		if err != nil {
			return err
		}
		if c.Assess != nil {
			if c.Assess.Metadata == nil {
				c.Assess.Metadata = map[string]string{}
			}
			c.Assess.Metadata[metaJob] = r.Job.ID
		}
		place, err := walk(ctx, r, domain, q, c)
		if err != nil {
			return err
		}
		result := job.Result{Label: fmt.Sprintf("%d traces", place.Done), Path: "/w/" + r.Job.Workspace + "/traces"}
		return r.Finish(ctx, result, map[string]int64{"changed": place.Done}, func(ctx context.Context) error {
			return audit.Record(ctx, traceBulk, "traces", r.Job.ID, nil, struct {
				Request json.RawMessage `json:"request"`
				Changed int64           `json:"changed"`
			}{r.Job.Input, place.Done})
		})
	}}
}

// metaJob is the metadata key under which a score names the job that gave it.
const metaJob = "assay.job"

// walk changes the traces of q page by page, newest first.
func walk(ctx context.Context, r *job.Run, domain *tracing.Service, q tracing.Query, c tracing.BulkChange) (bulkPlace, error) {
	var place bulkPlace
	again, err := r.Resume(&place)
	if err != nil {
		return place, err
	}
	byTime := []filter.Order{{Field: filter.Field{Group: filter.Attribute, Key: "timestamp_ms"}, Desc: true}}
	for {
		page, err := domain.Search(ctx, tracing.Search{Query: q, Order: byTime, Limit: bulkChunk, Token: place.Token, Bare: c.Assess == nil || !again})
		if err != nil {
			return place, err
		}
		ids := make([]trace.ID, 0, len(page.Infos))
		for _, info := range page.Infos {
			if !again || !scoredBy(info, r.Job.ID) {
				ids = append(ids, info.ID)
			}
		}
		n, err := domain.Change(ctx, ids, c)
		place.Done += int64(n + len(page.Infos) - len(ids))
		if err != nil {
			return place, err
		}
		place.Token, again = page.Next, false
		r.Progress(ctx, place.Done, r.Job.Total, "traces")
		if err := r.Checkpoint(ctx, place, nil); err != nil {
			return place, err
		}
		if page.Next == "" {
			return place, nil
		}
	}
}

// scoredBy reports whether a job has scored a trace already.
func scoredBy(info tracing.Info, jobID string) bool {
	for _, a := range info.Assessments {
		if a.Metadata[metaJob] == jobID {
			return true
		}
	}
	return false
}
