package alert

import (
	"math"
	"time"
)

// State of a rule.
type State string

// States. A rule that was never judged has no data.
const (
	NoData  State = "no_data" // too little is known to judge
	OK      State = "ok"
	Pending State = "pending" // over the threshold, not yet for long enough
	Firing  State = "firing"
)

// Status is what the evaluator remembers of a rule. Times are unix
// milliseconds, 0 for never.
type Status struct {
	State     State
	Since     int64   // of State
	Pending   int64   // since when the condition holds, in Pending and Firing
	Evaluated int64   // the last pass that judged it
	Value     float64 // of that pass; NaN unknown
	N         int64
	Link      string // to the traces of that pass
	Problem   string // why that pass could not measure, "" if it could
	// Incident is the id of the firing that channels were told of and not yet
	// of its end; "" if there is none.
	Incident string
	Told     int64 // when they were last told of it
}

// fresh is the status of a rule that was never judged.
func fresh(now int64) Status { return Status{State: NoData, Since: now, Value: math.NaN()} }

// verdict is what one reading says by itself.
type verdict int

const (
	unknown verdict = iota // not enough data
	calm                   // at or beyond the threshold to clear
	between                // neither fires nor clears
	bad                    // over the threshold to fire
)

// judge weighs a reading. watched is since when the rule looks.
func (c *Condition) judge(r Reading, watched, now int64) verdict {
	if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		return unknown
	}
	if c.Signal.Sum() {
		// Little in a window that was not watched in full says nothing.
		if c.Comparison == Below && now-watched < c.Window.Milliseconds() {
			return unknown
		}
	} else if r.N < max(1, int64(c.MinTraces)) {
		return unknown
	}
	fire, quiet, v := c.Fire, c.Clear, r.Value
	if c.Comparison == Below {
		fire, quiet, v = -fire, -quiet, -v
	}
	switch {
	case v > fire:
		return bad
	case v > quiet:
		return between
	}
	return calm
}

// lapse is how long a condition may go unobserved, beyond For, and still count
// as having held.
const lapse = 5 * time.Minute

// next is the status after a reading at now. It is the whole state machine:
//
//	         bad            between        calm        unknown (keep)
//	no_data  pending        ok             ok          no_data
//	ok       pending        ok             ok          no_data
//	pending  firing if For  ok             ok          no_data
//	firing   firing         firing         ok          firing
//
// Without For, bad leads to firing at once. Unknown counts as bad under the
// policy [AlertOnNoData].
func (c *Condition) next(s Status, r Reading, watched, now int64) Status {
	if now < s.Evaluated { // the clock went back: no span may be negative
		s.Since, s.Told, s.Pending = min(s.Since, now), min(s.Told, now), min(s.Pending, now)
	}
	v := c.judge(r, watched, now)
	if v == unknown && c.NoData == AlertOnNoData && now-watched >= c.Window.Milliseconds() {
		v = bad
	}
	to := s.State
	switch v {
	case unknown:
		if s.State != Firing {
			to = NoData
		}
	case calm:
		to = OK
	case between:
		if s.State != Firing {
			to = OK
		}
	case bad:
		to = c.worse(&s, now)
	}
	if to != Pending && to != Firing {
		s.Pending = 0
	}
	if to != s.State {
		s.State, s.Since = to, now
	}
	s.Evaluated, s.Value, s.N, s.Link, s.Problem = now, r.Value, r.N, r.Link, ""
	return s
}

// worse is the state after a bad reading.
func (c *Condition) worse(s *Status, now int64) State {
	if s.State == Firing {
		return Firing
	}
	hold := c.For.Milliseconds()
	if s.State != Pending || now-s.Evaluated > hold+lapse.Milliseconds() {
		s.Pending = now
	}
	if now-s.Pending >= hold {
		return Firing
	}
	return Pending
}

// event is news of a rule that channels are told of.
type event string

const (
	eventFiring   event = "alert.firing"
	eventResolved event = "alert.resolved"
	eventReminder event = "alert.reminder"
	eventTest     event = "alert.test"
)

// owed is the news that channels have not had yet, "" if none. A muted rule
// owes nothing until it is unmuted; then what is true is told, once.
func (r *Rule) owed(s *Status, now int64) event {
	firing := s.State == Firing && r.Enabled
	switch {
	case r.MutedUntil > now:
		return ""
	case firing && s.Incident == "":
		return eventFiring
	case !firing && s.Incident != "":
		return eventResolved
	case firing && r.Remind > 0 && now-s.Told >= r.Remind.Milliseconds():
		return eventReminder
	}
	return ""
}
