package tracing

import (
	"context"
	"slices"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
)

// RollupStore keeps what monitoring shows, summed up ahead. It agrees with
// the traces of every minute that is not dirty.
type RollupStore interface {
	// CatchUp sums up what changed lately, for at most patience, and returns
	// how far behind it is still.
	CatchUp(ctx context.Context, patience time.Duration) (lag time.Duration, err error)

	// RollupLag is the age of the oldest change that is not summed up, and how
	// many wait.
	RollupLag(ctx context.Context) (lag time.Duration, waiting int64, err error)

	// EachCells yields the cells of whole hours, or minutes, of the caller's
	// workspace: at counts them since 1970, from and to likewise. An hour's
	// cells are those of d; a minute's are packed.
	EachCells(ctx context.Context, q CellQuery, fn func(experiment string, at int64, cells []byte) error) error

	// EachTrace yields up to limit of the traces that match, newest first, with
	// their assessments and the rows of their spans, which are only valid until
	// fn returns. all says that there were no more.
	EachTrace(ctx context.Context, q Query, limit int, fn func(*Info, []SpanRow) error) (all bool, err error)
}

// CellQuery selects stored cells.
type CellQuery struct {
	Experiments []string // empty means every one of the workspace
	Dimension   Dimension
	Hours       bool
	From, To    int64 // in hours or minutes since 1970, [From, To)
}

// MonitorQuery asks for measures over time.
type MonitorQuery struct {
	Experiments []string
	By          string   // experiment, or a name of [Dim], tag.<key>; "" is total
	Values      []string // only these; empty means the largest
	From, To    int64    // unix milliseconds, [From, To), widened to whole minutes
	Bucket      time.Duration
	Filter      filter.Expr // of traces
	Order       string      // of series: volume (default), cost, errors, time, score
	Limit       int         // series; 0 means 10
}

// Monitor is the answer.
type Monitor struct {
	Start, End int64 // unix milliseconds, what the answer covers
	Bucket     int64 // milliseconds
	Series     []MonitorSeries
	More       int           // values beyond Series, summed up in the last one, which is Other
	Whole      MonitorSeries // all matching traces
	Exact      bool          // false: the newest Folded traces only, or values beyond the largest
	Folded     int           // traces that were read one by one; 0: all from what was summed up
	Lag        time.Duration
}

// MonitorSeries is one value over time; Points[i] starts at Start + i*Bucket
// and is nil where nothing happened.
type MonitorSeries struct {
	Value  string
	Clause string // filter text that selects its traces; "" if there is none
	Other  bool   // the rest
	Total  *Measures
	Points []*Measures
}

// Limits of one answer.
const (
	maxMonitorSeries = 50
	maxMonitorPoints = 1500
	maxMonitorValues = 20_000 // distinct ones that are told apart
	maxMonitorFold   = 2000   // traces read one by one
	monitorPatience  = 300 * time.Millisecond
	minuteMS         = int64(time.Minute / time.Millisecond)
	hourMS           = int64(time.Hour / time.Millisecond)
)

// monitorWidths are the bucket widths that are chosen from.
var monitorWidths = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

const autoPoints = 130

func (q *MonitorQuery) check() error {
	if q.From < 0 || q.To <= q.From {
		return fault.Invalidf("the range must end after it begins")
	}
	q.From = q.From / minuteMS * minuteMS
	q.To = (q.To + minuteMS - 1) / minuteMS * minuteMS
	if q.Bucket < 0 || q.Bucket%time.Minute != 0 {
		return fault.Invalidf("the bucket must be whole minutes")
	}
	length := time.Duration(q.To-q.From) * time.Millisecond
	if q.Bucket == 0 {
		for _, w := range monitorWidths {
			if q.Bucket = w; length/w <= autoPoints {
				break
			}
		}
		for length/q.Bucket > autoPoints {
			q.Bucket *= 2
		}
	}
	if length/q.Bucket > maxMonitorPoints {
		return fault.Invalidf("the range has more than %d buckets; choose wider ones", maxMonitorPoints)
	}
	if q.Limit <= 0 {
		q.Limit = 10
	}
	q.Limit = min(q.Limit, maxMonitorSeries)
	if len(q.Values) > maxMonitorSeries {
		return fault.Invalidf("at most %d values can be asked for", maxMonitorSeries)
	}
	if !slices.Contains(monitorOrders, q.Order) {
		return fault.Invalidf("series are ordered by volume, cost, errors, time or score, not by %q", clip(q.Order, 80))
	}
	return nil
}

var monitorOrders = []string{"", "volume", "cost", "errors", "time", "score"}

// Monitor sums up traces over time. Without a filter, and with one that is a
// single value of a dimension, it reads what was summed up ahead: the cost
// grows with the length of the range, not with the number of traces.
// Otherwise it folds the newest matching traces, up to a bound.
func (s *Service) Monitor(ctx context.Context, q MonitorQuery) (Monitor, error) {
	if err := q.check(); err != nil {
		return Monitor{}, err
	}
	g := gatherer{q: &q, byExperiment: q.By == ByExperiment, values: map[string]*seriesSum{}}
	if !g.byExperiment {
		var err error
		if g.dim, err = parseDimension(q.By); err != nil {
			return Monitor{}, err
		}
	}
	width := q.Bucket.Milliseconds()
	g.start, g.width = q.From/width*width, width
	g.points = int((q.To-1)/width - q.From/width + 1)
	out := Monitor{Start: g.start, End: q.To, Bucket: width, Exact: true}
	var err error
	one, ok := g.direct()
	if !ok {
		out.Exact, err = g.fold(ctx, s.store)
		out.Folded = g.folded
		g.answer(&out)
		return out, err
	}
	if out.Lag, err = s.store.CatchUp(ctx, monitorPatience); err != nil {
		return out, err
	}
	if err = g.read(ctx, s.store, one); err != nil {
		return out, err
	}
	if g.dim.Dim != DimTotal && one == nil { // the whole is not the sum of its values: spans are no traces, and some traces have none
		all := gatherer{q: &MonitorQuery{Experiments: q.Experiments, From: q.From, To: q.To}, start: g.start, width: g.width, points: g.points, values: map[string]*seriesSum{}}
		if err = all.read(ctx, s.store, nil); err != nil {
			return out, err
		}
		g.whole = all.values[""]
	}
	g.answer(&out)
	return out, nil
}

// RollupLag is how far monitoring is behind what is stored.
func (s *Service) RollupLag(ctx context.Context) (age time.Duration, waiting int64, err error) {
	return s.store.RollupLag(ctx)
}
