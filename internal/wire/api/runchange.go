package api

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

type changeRunsRequest struct {
	runQuery
	RunIDs    []string          `json:"run_ids"`
	SetTags   map[string]string `json:"set_tags"`
	Delete    []string          `json:"delete_tags"`
	To        string            `json:"to"`
	Limit     int               `json:"limit"`
	PageToken string            `json:"page_token"`
}

// change does the same to many runs: those named, or a page of those that
// match. A run that cannot be changed does not keep the others from it.
func (u runs) change(ctx context.Context, _ *http.Request, req *changeRunsRequest) (any, error) {
	if req.To != "" && req.To != "active" && req.To != "deleted" {
		return nil, fault.Invalidf("to must be active or deleted, not %q", clip(req.To))
	}
	if len(req.SetTags)+len(req.Delete) == 0 && req.To == "" {
		return nil, fault.Invalidf("say what to change: set_tags, delete_tags or to")
	}
	if len(req.RunIDs) > 1000 {
		return nil, fault.Invalidf("run_ids names at most 1000 runs, not %d", len(req.RunIDs))
	}
	ids, next := req.RunIDs, ""
	if len(ids) == 0 {
		q, err := u.query(ctx, req.runQuery)
		if err != nil {
			return nil, err
		}
		if q.Limit, err = checkLimit(req.Limit); err != nil {
			return nil, err
		}
		q.Token = req.PageToken
		var found []tracking.Run
		if found, next, err = u.domain.SearchRuns(ctx, q); err != nil {
			return nil, err
		}
		for _, r := range found {
			ids = append(ids, r.ID)
		}
	}
	type failure struct {
		RunID   string `json:"run_id"`
		Message string `json:"message"`
	}
	changed, failed := []string{}, []failure{}
	for _, id := range ids {
		err := u.changeOne(ctx, id, req)
		switch {
		case err == nil:
			changed = append(changed, id)
		case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.State):
			failed = append(failed, failure{id, fault.Message(err)})
		default:
			return nil, err
		}
	}
	return map[string]any{"changed": changed, "failed": failed, "next_page_token": nullable(next)}, nil
}

func (u runs) changeOne(ctx context.Context, id string, req *changeRunsRequest) error {
	if req.To == "active" {
		if err := u.domain.RestoreRun(ctx, id); err != nil {
			return err
		}
	}
	if len(req.SetTags) > 0 {
		var b tracking.Batch
		for k, v := range req.SetTags {
			b.Tags = append(b.Tags, tracking.Tag{Key: k, Value: v})
		}
		if err := u.domain.LogBatch(ctx, id, b); err != nil {
			return err
		}
	}
	for _, k := range req.Delete {
		if err := u.domain.DeleteTag(ctx, id, k); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	if req.To == "deleted" {
		return u.domain.DeleteRun(ctx, id)
	}
	return nil
}
