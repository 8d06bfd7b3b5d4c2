package api

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

type compareRequest struct {
	RunIDs []string `json:"run_ids"`
}

type compareRow struct {
	Kind    string `json:"kind"`
	Key     string `json:"key"`
	Values  []any  `json:"values"`
	Differs bool   `json:"differs"`
}

// comparison collects one row per thing that any run has, in the order of
// first sight within each kind.
type comparison struct {
	n    int
	rows map[[2]string]*compareRow
	keys [][2]string
}

func (c *comparison) set(run int, kind, key string, value any) {
	at := [2]string{kind, key}
	row := c.rows[at]
	if row == nil {
		row = &compareRow{Kind: kind, Key: key, Values: make([]any, c.n)}
		c.rows[at], c.keys = row, append(c.keys, at)
	}
	row.Values[run] = value
}

// compareKinds in the order they are shown.
var compareKinds = []string{"attribute", "param", "dataset", "metric", "tag"}

func (u runs) compare(ctx context.Context, _ *http.Request, req *compareRequest) (any, error) {
	if len(req.RunIDs) < 1 || len(req.RunIDs) > 100 {
		return nil, fault.Invalidf("run_ids must name 1 to 100 runs, not %d", len(req.RunIDs))
	}
	var found []*tracking.Run
	missing := []string{}
	for _, id := range req.RunIDs {
		r, err := u.domain.Run(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid):
			missing = append(missing, id)
		case err != nil:
			return nil, err
		default:
			found = append(found, r)
		}
	}
	c := &comparison{n: len(found), rows: map[[2]string]*compareRow{}}
	infos := []runInfo{}
	for i, r := range found {
		infos = append(infos, u.info(ctx, r))
		c.fill(i, r)
	}
	slices.SortStableFunc(c.keys, func(a, b [2]string) int {
		if d := slices.Index(compareKinds, a[0]) - slices.Index(compareKinds, b[0]); d != 0 || a[0] == "attribute" {
			return d
		}
		return strings.Compare(a[1], b[1])
	})
	rows := []compareRow{}
	for _, k := range c.keys {
		row := c.rows[k]
		for _, v := range row.Values[1:] {
			row.Differs = row.Differs || v != row.Values[0] && !(isNaN(v) && isNaN(row.Values[0]))
		}
		rows = append(rows, *row)
	}
	return map[string]any{"runs": infos, "rows": rows, "missing": missing}, nil
}

func isNaN(v any) bool {
	n, ok := v.(number)
	return ok && math.IsNaN(float64(n))
}

// codeTags are tags that say which code ran; they count as attributes.
var codeTags = map[string]string{
	"mlflow.source.name": "source", "mlflow.source.git.commit": "code version", "mlflow.source.git.branch": "branch",
}

func (c *comparison) fill(i int, r *tracking.Run) {
	c.set(i, "attribute", "status", string(r.Status))
	c.set(i, "attribute", "user", r.User)
	if r.EndTime != nil {
		c.set(i, "attribute", "duration_ms", strconv.FormatInt(*r.EndTime-r.StartTime, 10))
	}
	for _, p := range r.Params {
		c.set(i, "param", p.Key, p.Value)
	}
	for _, d := range r.Datasets {
		name, _ := d.Context()
		c.set(i, "dataset", name, d.Dataset.Name+"@"+d.Dataset.Digest)
	}
	for _, m := range r.Metrics {
		c.set(i, "metric", m.Key, number(m.Value))
	}
	for _, t := range r.Tags {
		if name, ok := codeTags[t.Key]; ok {
			c.set(i, "attribute", name, t.Value)
		} else if !strings.HasPrefix(t.Key, "mlflow.") {
			c.set(i, "tag", t.Key, t.Value)
		}
	}
}
