package tracing

import (
	"fmt"
	"time"
)

// Spend is what a month would cost at the pace of a stretch of time.
type Spend struct {
	Per1000 int64         // pico-dollars for a thousand traces; -1 unknown
	Month   int64         // pico-dollars for thirty days; -1 when there is no telling
	Length  time.Duration // of the stretch it is computed from
	Why     string        // why there is no projection
}

const (
	projected        = 30 * 24 * time.Hour
	minProjection    = 24 * time.Hour
	maxUnpricedShare = 0.05
)

// Spend computes cost per 1,000 traces (cost / traces × 1000) and per thirty
// days (cost / length × 30 days). length is that of the range asked for, up to
// now and from the first bucket that has traces.
func (m *Monitor) Spend(now time.Time) Spend {
	s := Spend{Per1000: -1, Month: -1}
	first := -1
	for i, p := range m.Whole.Points {
		if p != nil {
			first = i
			break
		}
	}
	total := m.Whole.Total
	if first < 0 || total == nil || total.Cost < 0 {
		s.Why = "no call in this time has a known cost"
		return s
	}
	if total.Traces > 0 {
		s.Per1000 = int64(float64(total.Cost) / float64(total.Traces) * 1000)
	}
	end := min(m.End, now.UnixMilli())
	s.Length = time.Duration(end-(m.Start+int64(first)*m.Bucket)) * time.Millisecond
	switch {
	case s.Length < minProjection:
		s.Why = "a projection needs at least a day of traces"
	case !m.Exact && m.Folded > 0:
		s.Why = "only the newest matching traces were read"
	case float64(total.Unpriced) > maxUnpricedShare*float64(total.Calls):
		s.Why = fmt.Sprintf("%d of %d model calls have no known price", total.Unpriced, total.Calls)
	default:
		s.Month = int64(float64(total.Cost) / float64(s.Length) * float64(projected))
	}
	return s
}
