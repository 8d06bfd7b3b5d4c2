package alert

import (
	"context"
	"math"
	"time"
)

// Preview is what a rule would have done.
type Preview struct {
	From, To int64 // unix milliseconds
	Step     int64 // between two judgements, milliseconds
	Firings  []Episode
	Count    int       // of firings; more than Firings holds if there are many
	NoData   float64   // share of judgements without enough data
	Values   []float64 // one per judgement, oldest first; NaN not enough data
}

// Episode is a time of firing.
type Episode struct {
	From int64
	To   int64 // 0: it would be firing now
	Peak float64
	N    int64
	Link string // to the traces at the peak
}

const (
	previewSpan  = 7 * day
	previewSteps = 672 // a quarter of an hour each
	maxEpisodes  = 50
)

// Preview judges spec over the last week, every quarter of an hour (so a
// shorter For counts as none there, and what came and went between two
// judgements is not seen).
func (s *Service) Preview(ctx context.Context, spec Spec) (Preview, error) {
	if spec.Name == "" {
		spec.Name = "preview"
	}
	if err := spec.Check(); err != nil {
		return Preview{}, err
	}
	step := previewSpan.Milliseconds() / previewSteps
	to := s.now() / step * step // whole quarters: they can be read from what is summed up
	p := Preview{To: to, From: to - previewSpan.Milliseconds(), Step: step}
	if s.cfg.Measurer == nil {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	readings, err := s.cfg.Measurer.Measure(ctx, spec.Measurement(), p.From+step, step, previewSteps)
	if err != nil {
		return Preview{}, err
	}
	p.replay(&spec.Condition, readings)
	return p, nil
}

// replay runs the state machine over readings, a step apart.
func (p *Preview) replay(c *Condition, readings []Reading) {
	st, blank := fresh(p.From), 0
	watched := p.From - c.Window.Milliseconds() // the windows lie before the week
	var open *Episode
	for i, r := range readings {
		at := p.From + int64(i+1)*p.Step
		if c.judge(r, watched, at) == unknown {
			r.Value = math.NaN() // too few to be worth showing
		}
		st = c.next(st, r, watched, at)
		p.Values = append(p.Values, r.Value)
		if st.State == NoData {
			blank++
		}
		if st.State != Firing {
			if open != nil {
				open.To = at
				p.keep(*open)
				open = nil
			}
			continue
		}
		if open == nil {
			open = &Episode{From: at, Peak: math.NaN()}
		}
		worse := r.Value > open.Peak
		if c.Comparison == Below {
			worse = r.Value < open.Peak
		}
		if math.IsNaN(open.Peak) || worse {
			open.Peak, open.N, open.Link = r.Value, r.N, r.Link
		}
	}
	if open != nil {
		p.keep(*open)
	}
	if len(readings) > 0 {
		p.NoData = float64(blank) / float64(len(readings))
	}
}

func (p *Preview) keep(e Episode) {
	p.Count++
	if len(p.Firings) < maxEpisodes {
		p.Firings = append(p.Firings, e)
	}
}
