package sqlstore

import (
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracing"
)

// TestTraceQueriesFollowTheirIndexes asks SQLite how it answers the queries
// that a list of traces makes, so that a change of schema or of SQL cannot
// turn one into a scan unnoticed.
func TestTraceQueriesFollowTheirIndexes(t *testing.T) {
	st := openTraces(t, t.TempDir())
	if _, _, err := st.Append(t.Context(), tracing.Arrival{Experiment: "1", Spans: testSpans(numberedID(1), 0, 3), Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	explain := func(query string, args ...any) string {
		var lines []string
		err := st.index.Each(t.Context(), "EXPLAIN QUERY PLAN "+query, args, func(scan func(...any) error) error {
			var id, parent, unused int
			var detail string
			err := scan(&id, &parent, &unused, &detail)
			lines = append(lines, detail)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(lines, "; ")
	}
	desc := func(key string) []filter.Order {
		return []filter.Order{{Field: filter.Field{Group: filter.Attribute, Key: key}, Desc: true}}
	}
	for _, c := range []struct {
		name, filter string
		experiments  []string
		order        []filter.Order
		index        string
	}{
		{"newest of one experiment", "", []string{"1"}, nil, "trace_start"},
		{"newest of all", "", nil, nil, "trace_workspace_start"},
		{"by state", "status = 'ERROR'", []string{"1"}, nil, "trace_state"},
		{"slowest", "", []string{"1"}, desc("execution_time_ms"), "trace_duration"},
		{"dearest", "", []string{"1"}, desc("cost"), "trace_cost"},
		{"by name", "name = 'x'", []string{"1"}, nil, "trace_name"},
		{"rare session", "metadata.`mlflow.trace.session` = 'x'", []string{"1"}, nil, "trace_session"},
		{"a span's name", "span.name = 'step'", []string{"1"}, nil, "INTEGER PRIMARY KEY"},
	} {
		expr, err := filter.Parse(filter.Traces, c.filter)
		if err != nil {
			t.Fatal(err)
		}
		p, err := st.plan(t.Context(), &tracing.Query{Experiments: c.experiments, Filter: expr})
		if err != nil {
			t.Fatal(err)
		}
		keys, _, err := order(c.order)
		if err != nil {
			t.Fatal(err)
		}
		where, args := p.where(p.only())
		if keys[0].nullable {
			where += " AND " + keys[0].column + " IS NOT NULL"
		}
		got := explain(`SELECT `+headerColumns+` FROM trace WHERE `+where+` ORDER BY `+orderBy(keys, true)+` LIMIT 10`, args...)
		if !strings.Contains(got, c.index) || strings.Contains(got, "SCAN trace") && !strings.Contains(got, "SCAN trace USING COVERING INDEX trace_overflow") {
			t.Errorf("%s: %s; want %s", c.name, got, c.index)
		}
		if p.drive == "" && strings.Contains(got, "B-TREE FOR ORDER BY") {
			t.Errorf("%s sorts: %s", c.name, got)
		}
	}
	got := explain(`SELECT start_ms, n, session FROM trace WHERE experiment = ? AND +workspace = ? AND `+st.unindexed("session")+` IS NOT NULL
		AND start_ms <= ? AND (start_ms < ? OR n < ?) ORDER BY start_ms DESC, n DESC LIMIT 10`, 1, 1, 1, 1, 1)
	if !strings.Contains(got, "trace_start") || strings.Contains(got, "B-TREE") {
		t.Errorf("sessions: %s", got)
	}
	if got := explain(`SELECT n FROM trace WHERE session = ? AND +workspace = ? AND +experiment IN (?, ?) ORDER BY start_ms DESC, n DESC`, "x", 1, 1, 2); !strings.Contains(got, "trace_session") {
		t.Errorf("one session: %s", got)
	}
}
