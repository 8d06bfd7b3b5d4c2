package sqlstore

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracking"
)

func nanIf(m tracking.Metric, isNaN int64) tracking.Metric {
	if isNaN != 0 {
		m.Value = math.NaN()
	}
	return m
}

func zeroOne(b bool) int {
	if b {
		return 1
	}
	return 0
}

// LogMetrics implements [tracking.MetricStore].
func (s *Tracking) LogMetrics(ctx context.Context, h tracking.Head, points []tracking.Metric) error {
	latest := make(map[string]int, len(points)) // key -> index of its latest point
	args := make([]any, 0, 6*len(points))
	for i, p := range points {
		value, nan := tracking.Stored(p.Value)
		args = append(args, h.No, p.Key, p.Timestamp, p.Step, value, zeroOne(nan))
		if j, ok := latest[p.Key]; !ok || tracking.Later(p, points[j]) {
			latest[p.Key] = i
		}
	}
	if _, err := s.addMetrics.exec(ctx, s.DB, args); err != nil {
		return err
	}
	order := make([]int, 0, len(latest))
	for _, i := range latest {
		order = append(order, i)
	}
	// One order for all writers, so that two on PostgreSQL cannot deadlock.
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(points[a].Key, points[b].Key) })
	args = make([]any, 0, 7*len(order))
	for _, i := range order {
		value, nan := tracking.Stored(points[i].Value)
		args = append(args, h.No, points[i].Key, h.Experiment, value, zeroOne(nan), points[i].Timestamp, points[i].Step)
	}
	_, err := s.moveLatest.exec(ctx, s.DB, args)
	return err
}

// MetricHistory implements [tracking.MetricStore].
func (s *Tracking) MetricHistory(ctx context.Context, q tracking.HistoryQuery, fn func(tracking.Metric) error) (string, error) {
	id := page.NewQuery("history", q.Run.RunID, q.Key)
	keys, err := page.Decode(q.Token, id, 4)
	if err != nil {
		return "", err
	}
	query := `SELECT timestamp, step, value, is_nan FROM metric WHERE run_no = ? AND key = ?`
	args := []any{q.Run.No, q.Key}
	if keys != nil {
		query += ` AND (timestamp, step, value, is_nan) > (?, ?, ?, ?)`
		for _, k := range keys {
			args = append(args, k.Any())
		}
	}
	query += ` ORDER BY timestamp, step, value, is_nan`
	if q.Limit > 0 {
		query += ` LIMIT ?`
		args = append(args, q.Limit+1)
	}
	n, token := 0, ""
	m := tracking.Metric{Key: q.Key}
	var last []page.Key
	err = s.Each(ctx, query, args, func(scan func(...any) error) error {
		if q.Limit > 0 && n == q.Limit {
			token = page.Encode(id, last...)
			return nil
		}
		n++
		var nan int64
		if err := scan(&m.Timestamp, &m.Step, &m.Value, &nan); err != nil {
			return err
		}
		if n == q.Limit {
			last = []page.Key{page.IntKey(m.Timestamp), page.IntKey(m.Step), page.FloatKey(m.Value), page.IntKey(nan)}
		}
		return fn(nanIf(m, nan))
	})
	return token, err
}

// MetricSample implements [tracking.MetricStore]. The points are cut into n
// runs of nearly equal length, the longer ones first; it returns the first
// point of each, and the very last in place of the last of these.
func (s *Tracking) MetricSample(ctx context.Context, h tracking.Head, key string, n int, first, last int64) ([]tracking.Metric, error) {
	var total int64
	where := ` FROM metric WHERE run_no = ? AND key = ? AND step >= ? AND step <= ?`
	args := []any{h.No, key, first, last}
	if err := s.QueryRow(ctx, `SELECT count(*)`+where, args, &total); err != nil || total == 0 {
		return nil, err
	}
	short := max(total/int64(n), 1) // length of the shorter parts
	long := int64(0)                // how many points lie in longer ones
	if total > int64(n) {
		long = total % int64(n) * (short + 1)
	}
	query := `SELECT timestamp, step, value, is_nan FROM (
		SELECT timestamp, step, value, is_nan, ROW_NUMBER() OVER (ORDER BY step, timestamp, value, is_nan) - 1 AS place` + where + `) AS p
		WHERE place = ? OR (CASE WHEN place < ? THEN place % ? ELSE (place - ?) % ? END) = 0
		ORDER BY place`
	args = append(args, total-1, long, short+1, long, short)
	var out []tracking.Metric
	err := s.Each(ctx, query, args, func(scan func(...any) error) error {
		m := tracking.Metric{Key: key}
		var nan int64
		if err := scan(&m.Timestamp, &m.Step, &m.Value, &nan); err != nil {
			return err
		}
		out = append(out, nanIf(m, nan))
		return nil
	})
	if len(out) > n { // the last point took the place of the last part's first
		out = append(out[:n-1], out[len(out)-1])
	}
	return out, err
}
