package sqlstore

import (
	"context"
	"io/fs"
	"path/filepath"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// change runs fn on a header of the caller's workspace and stores it.
func (st *Traces) change(ctx context.Context, id trace.ID, fn func(*headerRow) error) error {
	return st.writeIndex(ctx, func(ctx context.Context) error {
		h, err := st.mine(ctx, id)
		if err != nil {
			return err
		}
		h.before = h.labelSet()
		if err := fn(h); err != nil {
			return err
		}
		return st.saveHeader(ctx, h, nil)
	})
}

// SetTag implements [tracing.InfoStore].
func (st *Traces) SetTag(ctx context.Context, id trace.ID, key, value string) error {
	return st.change(ctx, id, func(h *headerRow) error {
		if h.Tags == nil {
			h.Tags = map[string]string{}
		}
		h.Tags[key] = value
		if key == tracing.TagName {
			h.Name = value
		}
		return nil
	})
}

// DeleteTag implements [tracing.InfoStore].
func (st *Traces) DeleteTag(ctx context.Context, id trace.ID, key string) error {
	return st.change(ctx, id, func(h *headerRow) error {
		if _, ok := h.Tags[key]; !ok {
			return fault.NotFoundf("No trace tag with key '%s' for trace with ID '%s'", key, id)
		}
		delete(h.Tags, key)
		return nil
	})
}

// LinkRun implements [tracing.InfoStore].
func (st *Traces) LinkRun(ctx context.Context, run string, ids []trace.ID) error {
	return st.writeIndex(ctx, func(ctx context.Context) error {
		rows, err := st.headers(ctx, ids)
		if err != nil {
			return err
		}
		workspace := st.workspace(caller.Workspace(ctx))
		for _, h := range rows {
			if h.workspace != workspace {
				continue
			}
			if err := st.relabel(ctx, h.n, []tracing.Label{{Kind: tracing.LabelRun, Value: run}}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// LinkPrompts implements [tracing.InfoStore].
func (st *Traces) LinkPrompts(ctx context.Context, id trace.ID, prompts []tracing.Prompt) error {
	return st.change(ctx, id, func(h *headerRow) error {
		h.AddPrompts(prompts)
		return nil
	})
}

func (st *Traces) diskBytes(day int) int64 {
	if st.dir == "" {
		return 0
	}
	total := int64(0)
	filepath.WalkDir(st.partitionDir(day), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil // a file that went away counts nothing
	})
	return total
}
