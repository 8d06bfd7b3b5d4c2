package alert

import (
	"math"
	"testing"
	"time"
)

const (
	min1 = int64(time.Minute / time.Millisecond)
	t0   = int64(1_700_000_000_000)
)

// rate fires above 5 % for 2 minutes and clears at 3 %.
func rate() Condition {
	return Condition{Signal: ErrorRate, Comparison: Above, Fire: 0.05, Clear: 0.03, Window: 10 * time.Minute, For: 2 * time.Minute, MinTraces: 10, NoData: KeepOnNoData}
}

var (
	worse  = Reading{N: 100, Value: 0.2}
	middle = Reading{N: 100, Value: 0.04}
	well   = Reading{N: 100, Value: 0.01}
	little = Reading{N: 9, Value: 1}
	none   = Reading{N: 0, Value: math.NaN()}
)

// TestEveryTransition walks the table of [Condition.next].
func TestEveryTransition(t *testing.T) {
	now := t0 + 10*min1
	at := map[State]Status{
		NoData:  {State: NoData, Since: t0, Evaluated: now - min1},
		OK:      {State: OK, Since: t0, Evaluated: now - min1},
		Pending: {State: Pending, Since: now - min1, Pending: now - min1, Evaluated: now - min1},
		Firing:  {State: Firing, Since: t0, Pending: t0, Evaluated: now - min1},
	}
	for _, c := range []struct {
		from State
		name string
		r    Reading
		to   State
	}{
		{NoData, "bad", worse, Pending}, {NoData, "between", middle, OK}, {NoData, "calm", well, OK}, {NoData, "little", little, NoData}, {NoData, "none", none, NoData},
		{OK, "bad", worse, Pending}, {OK, "between", middle, OK}, {OK, "calm", well, OK}, {OK, "little", little, NoData}, {OK, "none", none, NoData},
		{Pending, "bad", worse, Pending}, {Pending, "between", middle, OK}, {Pending, "calm", well, OK}, {Pending, "little", little, NoData}, {Pending, "none", none, NoData},
		{Firing, "bad", worse, Firing}, {Firing, "between", middle, Firing}, {Firing, "calm", well, OK}, {Firing, "little", little, Firing}, {Firing, "none", none, Firing},
	} {
		rule := rate()
		before := at[c.from]
		got := rule.next(before, c.r, t0-day.Milliseconds(), now)
		if got.State != c.to {
			t.Errorf("%s, %s: %s, want %s", c.from, c.name, got.State, c.to)
		}
		if changed := got.State != before.State; changed != (got.Since == now) {
			t.Errorf("%s, %s: since %d", c.from, c.name, got.Since-now)
		}
		if (got.State == Pending || got.State == Firing) != (got.Pending != 0) {
			t.Errorf("%s, %s: pending since %d", c.from, c.name, got.Pending)
		}
	}
}

// step is a reading some time after the one before.
type step struct {
	after int64 // milliseconds
	r     Reading
	want  State
}

func TestHistories(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Condition)
		young  bool // the rule was made at the first step
		steps  []step
	}{
		"it must hold": {nil, false, []step{{min1, worse, Pending}, {min1, worse, Pending}, {min1, worse, Firing}, {min1, well, OK}}},
		"a pause starts it again": {nil, false, []step{{min1, worse, Pending}, {min1, middle, OK}, {min1, worse, Pending}, {min1, worse, Pending},
			{min1, worse, Firing}}},
		"hysteresis": {nil, false, []step{{min1, worse, Pending}, {2 * min1, worse, Firing}, {min1, middle, Firing}, {min1, Reading{N: 100, Value: 0.0301}, Firing},
			{min1, Reading{N: 100, Value: 0.03}, OK}, {min1, middle, OK}}},
		"at the threshold is not above": {func(c *Condition) { c.For = 0 }, false, []step{{min1, Reading{N: 100, Value: 0.05}, OK}, {min1, Reading{N: 100, Value: 0.0500001}, Firing}}},
		"equal thresholds": {func(c *Condition) { c.For, c.Clear = 0, c.Fire }, false, []step{{min1, Reading{N: 100, Value: 0.05}, OK}, {min1, worse, Firing},
			{min1, Reading{N: 100, Value: 0.05}, OK}}},
		"without for": {func(c *Condition) { c.For = 0 }, false, []step{{min1, worse, Firing}, {min1, none, Firing}, {min1, well, OK}}},
		"missing data is bad if it is to be": {func(c *Condition) { c.NoData = AlertOnNoData }, false,
			[]step{{min1, none, Pending}, {2 * min1, little, Firing}, {min1, well, OK}}},
		"but not before a window has passed": {func(c *Condition) { c.NoData = AlertOnNoData }, true,
			[]step{{min1, none, NoData}, {5 * min1, none, NoData}, {4 * min1, none, Pending}, {2 * min1, none, Firing}}},
		"NaN and infinities say nothing": {func(c *Condition) { c.For = 0 }, false,
			[]step{{min1, Reading{N: 100, Value: math.NaN()}, NoData}, {min1, Reading{N: 100, Value: math.Inf(1)}, NoData}, {min1, Reading{N: 100, Value: math.Inf(-1)}, NoData}}},
		"volume below without any traffic": {func(c *Condition) {
			*c = Condition{Signal: Volume, Comparison: Below, Fire: 5, Clear: 10, Window: 10 * time.Minute, NoData: KeepOnNoData}
		}, false, []step{{min1, Reading{}, Firing}, {min1, Reading{N: 7, Value: 7}, Firing}, {min1, Reading{N: 10, Value: 10}, OK}, {min1, Reading{N: 7, Value: 7}, OK}}},
		"a window longer than the history": {func(c *Condition) {
			*c = Condition{Signal: Volume, Comparison: Below, Fire: 5, Clear: 5, Window: 10 * time.Minute, NoData: KeepOnNoData}
		}, true, []step{{min1, Reading{}, NoData}, {8 * min1, Reading{}, NoData}, {min1, Reading{}, Firing}}},
		"too much is too much in a part of a window": {func(c *Condition) {
			*c = Condition{Signal: Cost, Comparison: Above, Fire: 5, Clear: 4, Window: 10 * time.Minute, NoData: KeepOnNoData}
		}, true, []step{{min1, Reading{N: 1, Value: 6}, Firing}, {min1, Reading{}, OK}}},
		"the clock goes back": {nil, false, []step{{min1, worse, Pending}, {-60 * min1, worse, Pending}, {min1, worse, Pending}, {min1, worse, Firing},
			{-60 * min1, worse, Firing}, {min1, well, OK}}},
		"unobserved is not held": {nil, false, []step{{min1, worse, Pending}, {60 * min1, worse, Pending}, {2 * min1, worse, Firing}}},
		"a short gap is":         {nil, false, []step{{min1, worse, Pending}, {6 * min1, worse, Firing}}},
	} {
		rule := rate()
		if c.change != nil {
			c.change(&rule)
		}
		now := t0
		watched := t0 - day.Milliseconds()
		if c.young {
			watched = t0
		}
		st := fresh(now)
		for i, s := range c.steps {
			now += s.after
			st = rule.next(st, s.r, watched, now)
			if st.State != s.want {
				t.Errorf("%s, step %d: %s, want %s", name, i, st.State, s.want)
				break
			}
			if st.Pending > now || st.Since > now {
				t.Errorf("%s, step %d: since the future", name, i)
			}
		}
	}
}

func TestWhatIsOwed(t *testing.T) {
	now := t0
	for name, c := range map[string]struct {
		r    Rule
		want event
	}{
		"calm":                          {Rule{Enabled: true, Status: Status{State: OK}}, ""},
		"pending":                       {Rule{Enabled: true, Status: Status{State: Pending}}, ""},
		"fires":                         {Rule{Enabled: true, Status: Status{State: Firing}}, eventFiring},
		"was told":                      {Rule{Enabled: true, Status: Status{State: Firing, Incident: "i", Told: now - min1}}, ""},
		"ended":                         {Rule{Enabled: true, Status: Status{State: OK, Incident: "i", Told: now - min1}}, eventResolved},
		"ended without being told":      {Rule{Enabled: true, Status: Status{State: OK}}, ""},
		"switched off":                  {Rule{Status: Status{State: Firing, Incident: "i"}}, eventResolved},
		"off and silent":                {Rule{Status: Status{State: Firing}}, ""},
		"muted":                         {Rule{Enabled: true, MutedUntil: now + 1, Status: Status{State: Firing}}, ""},
		"muted while it ends":           {Rule{Enabled: true, MutedUntil: now + 1, Status: Status{State: OK, Incident: "i"}}, ""},
		"the mute is over":              {Rule{Enabled: true, MutedUntil: now, Status: Status{State: OK, Incident: "i"}}, eventResolved},
		"reminder due":                  {Rule{Enabled: true, Spec: Spec{Remind: time.Hour}, Status: Status{State: Firing, Incident: "i", Told: now - 60*min1}}, eventReminder},
		"reminder not due":              {Rule{Enabled: true, Spec: Spec{Remind: time.Hour}, Status: Status{State: Firing, Incident: "i", Told: now - 59*min1}}, ""},
		"reminder after it is over":     {Rule{Enabled: true, Spec: Spec{Remind: time.Hour}, Status: Status{State: OK, Incident: "i", Told: now - 600*min1}}, eventResolved},
		"no data after a told firing":   {Rule{Enabled: true, Status: Status{State: NoData, Incident: "i"}}, eventResolved},
		"reminder while it is muted":    {Rule{Enabled: true, MutedUntil: now + 1, Spec: Spec{Remind: time.Hour}, Status: Status{State: Firing, Incident: "i"}}, ""},
		"reminder of what was not told": {Rule{Enabled: true, Spec: Spec{Remind: time.Hour}, Status: Status{State: Firing}}, eventFiring},
	} {
		if got := c.r.owed(&c.r.Status, now); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestBoundsOfFlapping drives a value that swings over the threshold each
// minute: with hysteresis and For it is told of once, or never.
func TestBoundsOfFlapping(t *testing.T) {
	for name, c := range map[string]struct {
		low     float64
		hold    time.Duration
		firings int
	}{
		"between the thresholds": {0.04, 0, 1},
		"held for two minutes":   {0.01, 2 * time.Minute, 0},
		"neither":                {0.01, 0, 30},
	} {
		rule := rate()
		rule.For = c.hold
		st, firings := fresh(t0), 0
		for i := range int64(60) {
			v := 0.06
			if i%2 == 1 {
				v = c.low
			}
			before := st.State
			st = rule.next(st, Reading{N: 100, Value: v}, t0-day.Milliseconds(), t0+(i+1)*min1)
			if st.State == Firing && before != Firing {
				firings++
			}
		}
		if firings != c.firings {
			t.Errorf("%s: %d firings, want %d", name, firings, c.firings)
		}
	}
}
