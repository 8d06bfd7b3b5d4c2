package sqlstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/tracing"
)

// maxPromptTraces is how many traces of a prompt are read for what its versions
// are worth, the newest first, and maxPromptRuns how many runs are named.
const (
	maxPromptTraces = 50_000
	maxPromptRuns   = 20
)

// promptTraces are the newest traces that any version of a prompt is linked to.
// A label's value is "name/version"; those of one prompt stand together.
const promptTraces = `(SELECT l.value AS version, t.n AS n, t.run AS run, t.state AS state, t.start_ms AS start_ms
	FROM label l JOIN trace_label tl ON tl.label = l.n JOIN trace t ON t.n = tl.trace
	WHERE l.kind = ? AND l.key = '' AND l.value >= ? AND l.value < ? AND t.workspace = ?
	ORDER BY t.n DESC LIMIT ?) AS p`

// PromptUses implements [tracing.SearchStore].
func (st *Traces) PromptUses(ctx context.Context, prompt string) ([]tracing.PromptUse, bool, error) {
	// "/" and "0" are neighbours, so the range holds every version and nothing else.
	args := []any{int(tracing.LabelPrompt), prompt + "/", prompt + "0", st.workspace(caller.Workspace(ctx)), maxPromptTraces}
	at := map[string]*tracing.PromptUse{}
	var total int64
	failed, _ := tracing.StateNumber(tracing.StateError)
	err := st.index.Each(ctx, `SELECT version, count(*), coalesce(sum(CASE WHEN state = ? THEN 1 ELSE 0 END), 0), min(start_ms), max(start_ms) FROM `+promptTraces+` GROUP BY version`,
		append([]any{failed}, args...), func(scan func(...any) error) error {
			var u tracing.PromptUse
			if err := scan(&u.Version, &u.Traces, &u.Errors, &u.First, &u.Last); err != nil {
				return err
			}
			total += u.Traces
			at[u.Version] = &u
			return nil
		})
	if err == nil && total > 0 {
		err = st.promptRuns(ctx, args, at)
	}
	if err == nil && total > 0 {
		err = st.promptScores(ctx, args, at)
	}
	uses := []tracing.PromptUse{}
	for _, u := range at {
		// A prompt's own name may hold a slash; a version never does.
		if u.Version = strings.TrimPrefix(u.Version, prompt+"/"); !strings.Contains(u.Version, "/") {
			uses = append(uses, *u)
		}
	}
	slices.SortFunc(uses, func(a, b tracing.PromptUse) int {
		return cmp.Or(len(a.Version)-len(b.Version), strings.Compare(a.Version, b.Version))
	})
	return uses, total < maxPromptTraces, err
}

func (st *Traces) promptRuns(ctx context.Context, args []any, at map[string]*tracing.PromptUse) error {
	return st.index.Each(ctx, `SELECT version, run, count(*) FROM `+promptTraces+` WHERE run IS NOT NULL GROUP BY version, run ORDER BY max(start_ms) DESC, run`,
		args, func(scan func(...any) error) error {
			var version string
			var r tracing.PromptRun
			if err := scan(&version, &r.RunID, &r.Traces); err != nil {
				return err
			}
			if u := at[version]; u != nil && len(u.Runs) < maxPromptRuns {
				u.Runs = append(u.Runs, r)
			}
			return nil
		})
}

// promptScores averages within each trace, then over traces by Welford's
// recurrence as the rows come.
func (st *Traces) promptScores(ctx context.Context, args []any, at map[string]*tracing.PromptUse) error {
	type key struct{ version, name string }
	squares := map[key]float64{}
	err := st.index.Each(ctx, `SELECT p.version, a.name, avg(a.number) FROM `+promptTraces+` JOIN assessment a ON a.trace = p.n
		WHERE a.kind = 'feedback' AND a.valid = 1 GROUP BY p.version, a.name, p.n ORDER BY p.version, a.name`, args, func(scan func(...any) error) error {
		var k key
		var v *float64
		if err := scan(&k.version, &k.name, &v); err != nil {
			return err
		}
		u := at[k.version]
		if u == nil {
			return nil
		}
		if n := len(u.Scores); n == 0 || u.Scores[n-1].Name != k.name {
			u.Scores = append(u.Scores, tracing.PromptScore{Name: k.name})
		}
		s := &u.Scores[len(u.Scores)-1]
		if v == nil {
			s.Missing++
			return nil
		}
		s.N++
		d := *v - s.Mean
		s.Mean += d / float64(s.N)
		squares[k] += d * (*v - s.Mean)
		return nil
	})
	for version, u := range at {
		for i := range u.Scores {
			s := &u.Scores[i]
			s.Deviation = math.NaN()
			if s.N == 0 {
				s.Mean = math.NaN()
			} else if s.N > 1 {
				s.Deviation = math.Sqrt(squares[key{version, s.Name}] / float64(s.N-1))
			}
		}
	}
	return err
}
