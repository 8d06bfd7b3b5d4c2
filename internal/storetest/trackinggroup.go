package storetest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracking"
)

func runGroups(t *testing.T, s *tracking.Service) {
	id := sample(t, s)
	param := func(key string) filter.Field { return filter.Field{Group: filter.Param, Key: key} }
	status := filter.Field{Group: filter.Attribute, Key: "status"}
	ask := func(most int, where string, by ...filter.Field) (string, bool) {
		t.Helper()
		expr, err := filter.Parse(filter.Runs, where)
		done(t, err)
		groups, more, err := s.GroupRuns(t.Context(), tracking.GroupQuery{RunQuery: tracking.RunQuery{Experiments: []int64{id}, Filter: expr}, By: by, Metrics: []string{"m", "even"}, Most: most})
		done(t, err)
		var out []string
		for _, g := range groups {
			var values []string
			for _, v := range g.Values {
				if v == nil {
					values = append(values, "-")
				} else {
					values = append(values, *v)
				}
			}
			m := g.Metrics[0]
			out = append(out, fmt.Sprintf("%s:%d m%d", strings.Join(values, "/"), g.Runs, m.N))
			if m.N > 0 {
				out[len(out)-1] += fmt.Sprintf("=%g[%g,%g]", m.Mean, m.Min, m.Max)
			}
			if m.N < 2 && !math.IsNaN(m.Deviation) {
				t.Errorf("the deviation of %d values is %v", m.N, m.Deviation)
			}
		}
		return strings.Join(out, " "), more
	}
	for _, c := range []struct {
		where string
		by    []filter.Field
		want  string
	}{
		{"", []filter.Field{param("p")}, "0:2 m2=0[0,0] 1:2 m1=0.5[0.5,0.5] 2:2 m1=1[1,1]"}, // NaN and a missing metric do not count
		{"metrics.m > 0", []filter.Field{param("p")}, "1:1 m1=0.5[0.5,0.5] 2:1 m1=1[1,1]"},
		{"", []filter.Field{status, param("even")}, "RUNNING/yes:2 m2=0.5[0,1] RUNNING/-:2 m2=0.25[0,0.5] FINISHED/yes:1 m0 FINISHED/-:1 m0"},
		{"params.p = 'none'", []filter.Field{param("p")}, ""},
	} {
		got, more := ask(10, c.where, c.by...)
		// Where a missing value sorts differs between databases.
		if a, b := strings.Fields(got), strings.Fields(c.want); len(a) != len(b) || more || !sameSet(a, b) {
			t.Errorf("%q by %v: %q, want %q", c.where, c.by, got, c.want)
		}
	}
	if got, more := ask(1, "", param("p")); !more || got != "0:2 m2=0[0,0]" {
		t.Errorf("one group: %q %v", got, more)
	}
	groups, _, err := s.GroupRuns(t.Context(), tracking.GroupQuery{RunQuery: tracking.RunQuery{Experiments: []int64{id}}, By: []filter.Field{status}, Metrics: []string{"m"}, Most: 9})
	done(t, err)
	for _, g := range groups {
		// 0, 0.5, 1 and 0 of the runs that still go on.
		if *g.Values[0] == "RUNNING" && math.Abs(g.Metrics[0].Deviation-math.Sqrt(0.6875/3)) > 1e-12 {
			t.Errorf("deviation %v", g.Metrics[0].Deviation)
		}
	}
	_, _, err = s.GroupRuns(t.Context(), tracking.GroupQuery{RunQuery: tracking.RunQuery{Experiments: []int64{id}}, By: []filter.Field{{Group: filter.Metric, Key: "m"}}, Most: 1})
	refused(t, err, fault.Invalid, "cannot be grouped by")
}

func sameSet(a, b []string) bool {
	seen := map[string]int{}
	for _, x := range a {
		seen[x]++
	}
	for _, x := range b {
		seen[x]--
	}
	for _, n := range seen {
		if n != 0 {
			return false
		}
	}
	return true
}
