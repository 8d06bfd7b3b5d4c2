package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// numbers are the traces of a page by the number [traceID] made them of.
func numbers(infos []tracing.Info) []int {
	list := []int{}
	for _, i := range infos {
		n, _ := strconv.Atoi(string(i.ID[:]))
		list = append(list, n)
	}
	return list
}

func parse(t *testing.T, s string) filter.Expr {
	t.Helper()
	e, err := filter.Parse(filter.Traces, s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// waitText waits until full text has caught up.
func (s *tracingSuite) waitText(t *testing.T) {
	t.Helper()
	for range 500 {
		if lag, _ := s.TextLag(t.Context()); lag == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("full text does not catch up")
}

// sample stores ten traces: 1 to 8 in experiment 7, 9 and 10 in 8, a second
// apart. Even ones failed; those divisible by 3 have a session.
func (s *tracingSuite) sample(t *testing.T) {
	t.Helper()
	text := map[int]string{1: "the quick brown fox", 2: "quick silver", 3: "东京都は大きい街です", 4: "Ünïcode straße", 5: "مرحبا بالعالم", 6: `{"content": "escaped\nline and caf\u00e9"}`, 7: "สวัสดีชาวโลก", 8: "brown quick fox", 9: "the quick brown fox"}
	for n := 1; n <= 10; n++ {
		root := s.span(n, n, 0, trace.Attr{Key: "mlflow.spanInputs", Value: trace.StringValue(text[n])},
			trace.Attr{Key: "mlflow.traceTag.parity", Value: trace.StringValue([]string{"even", "odd"}[n%2])},
			trace.Attr{Key: "level", Value: trace.StringValue(fmt.Sprintf("%q", fmt.Sprint("l", n)))})
		root.Status = trace.OK
		if n%2 == 0 {
			root.Status, root.StatusMessage = trace.Error, "it broke"
		}
		root.Name = "root" + fmt.Sprint(n%4)
		root.Columns.Input = text[n]
		if n%3 == 0 {
			root.Columns.Session, root.Columns.User = "c"+fmt.Sprint(n%2), "ann"
		}
		root.End = root.Start + int64(n)*1e9
		root.Raw = trace.AppendSpan(nil, &root)
		call := llm(s.span(n, 100+n, n), "gpt-"+fmt.Sprint(n%3), int64(n), 1)
		call.Columns.Tool = "search"
		experiment := "7"
		if n > 8 {
			experiment = "8"
		}
		if _, _, err := s.Ingest(t.Context(), trace.Batch{ExperimentID: experiment, Spans: []trace.Span{root, call}}); err != nil {
			t.Fatal(err)
		}
	}
	for n, v := range map[int]string{1: "true", 2: "0.5", 3: `"good"`, 4: "5"} {
		kind := tracing.Feedback
		if n == 4 {
			kind = tracing.Expectation
		}
		if _, err := s.CreateAssessment(t.Context(), tracing.Assessment{TraceID: traceID(n), Name: "rate", Kind: kind, Value: []byte(v)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.CreateAssessment(t.Context(), tracing.Assessment{TraceID: traceID(6), Name: "whole", Value: []byte("1"), Metadata: map[string]string{tracing.MetaSession: "c0"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.LinkRun(t.Context(), "r9", []trace.ID{traceID(2), traceID(9)}); err != nil {
		t.Fatal(err)
	}
	if err := s.LinkPrompts(t.Context(), traceID(5), []tracing.Prompt{{Name: "p", Version: "1"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetTag(t.Context(), traceID(7), "long", strings.Repeat("x", 2000)+"end"); err != nil {
		t.Fatal(err)
	}
}

func testFilters(t *testing.T, s *tracingSuite) {
	s.sample(t)
	s.waitText(t)
	at := func(n int) int64 { return s.now.Add(time.Duration(n) * time.Second).UnixMilli() }
	for _, c := range []struct {
		filter string
		want   []int
	}{
		{"", []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{"status = 'ERROR'", []int{8, 6, 4, 2}},
		{"status != 'ERROR'", []int{7, 5, 3, 1}},
		{"status IN ('OK', 'IN_PROGRESS')", []int{7, 5, 3, 1}},
		{"status = 'NONE'", []int{}},
		{"status LIKE 'ERR%'", []int{8, 6, 4, 2}},
		{"tags.parity = 'odd'", []int{7, 5, 3, 1}},
		{"tags.parity != 'odd'", []int{8, 6, 4, 2}},
		{"tags.parity LIKE 'ev%'", []int{8, 6, 4, 2}},
		{"tags.parity ILIKE 'EV%'", []int{8, 6, 4, 2}},
		{"tags.parity RLIKE '^o'", []int{7, 5, 3, 1}},
		{"tags.none IS NULL", []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{"tags.long IS NOT NULL", []int{7}},
		{"tags.long LIKE '%end'", []int{7}},
		{"tags.long = 'x'", []int{}},
		{"tags.none = 'x'", []int{}},
		{"name = 'root1'", []int{5, 1}},
		{"name LIKE 'root%' AND name != 'root1'", []int{8, 7, 6, 4, 3, 2}},
		{"name ILIKE 'ROOT2'", []int{6, 2}},
		{"name RLIKE '[13]$'", []int{7, 5, 3, 1}},
		{fmt.Sprintf("timestamp_ms >= %d AND timestamp_ms < %d", at(3), at(6)), []int{5, 4, 3}},
		{"execution_time_ms > 110000", []int{}}, // the child of n ends at n+100+10
		{"execution_time_ms = 110000 AND name = 'root1'", []int{5, 1}},
		{"request_id = '" + traceID(3).String() + "'", []int{3}},
		{"request_id IN ('" + traceID(3).String() + "', '" + traceID(5).String() + "')", []int{5, 3}},
		{"request_id LIKE '%" + traceID(4).Hex()[20:] + "'", []int{4}},
		{"metadata.`mlflow.trace.session` = 'c0'", []int{6}},
		{"metadata.`mlflow.trace.user` = 'ann'", []int{6, 3}},
		{"metadata.`mlflow.trace.session` IS NULL", []int{8, 7, 5, 4, 2, 1}},
		{"run_id = 'r9'", []int{2}},
		{"prompt = 'p/1'", []int{5}},
		{"feedback.rate = 'true'", []int{1}},
		{"feedback.rate = 'good'", []int{3}},
		{"feedback.rate > 0.1", []int{2}},
		{"feedback.rate IS NOT NULL", []int{3, 2, 1}},
		{"feedback.rate IS NULL", []int{8, 7, 6, 5, 4}},
		{"expectation.rate >= 5", []int{4}},
		{"feedback.whole = '1'", []int{6}},
		{"span.name = 'step 103'", []int{3}},
		{"span.name LIKE 'step 10%' AND span.type = 'CHAT_MODEL'", []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{"span.name = 'step 103' AND span.type = 'CHAIN'", []int{}},
		{"span.status = 'ERROR'", []int{8, 6, 4, 2}},
		{"span.model = 'gpt-0'", []int{6, 3}},
		{"span.tool IN ('search')", []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{"span.attributes.level = 'l5'", []int{5}},
		{"span.attributes.level LIKE 'l%' AND span.name = 'root3'", []int{7, 3}},
		{"trace.text LIKE '%quick brown%'", []int{1}},
		{"trace.text ILIKE '%QUICK%'", []int{8, 2, 1}},
		{"span.content LIKE '%uick bro%'", []int{1}},
		{"span.content ILIKE '%大きい%'", []int{3}},
		{"span.content LIKE '%ilve%'", []int{2}},
		{"span.content LIKE '% silv%'", []int{2}},
		{"span.content LIKE '%ver'", []int{2}},
		{"span.content LIKE 'quick%'", []int{2}},
		{"span.content LIKE '%nowhere%'", []int{}},
		{"span.content LIKE '%u%'", []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{"status = 'ERROR' AND tags.parity = 'even' AND name = 'root2' AND span.model = 'gpt-2'", []int{2}},
	} {
		page, err := s.Search(t.Context(), tracing.Search{Query: tracing.Query{Experiments: []string{"7"}, Filter: parse(t, c.filter)}})
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		if got := numbers(page.Infos); !slices.Equal(got, c.want) || page.Next != "" {
			t.Errorf("%s: %v, want %v", c.filter, got, c.want)
		}
		n, exact, err := s.Count(t.Context(), tracing.Query{Experiments: []string{"7"}, Filter: parse(t, c.filter)})
		if err != nil || !exact || n != int64(len(c.want)) {
			t.Errorf("count of %s: %d, %v, %v", c.filter, n, exact, err)
		}
	}
}

func testText(t *testing.T, s *tracingSuite) {
	s.sample(t)
	s.waitText(t)
	for text, want := range map[string][]int{
		"quick": {9, 8, 2, 1}, "QUICK fox": {9, 8, 1}, "quick none": {}, `"quick brown"`: {9, 1}, `"brown quick" fox`: {8},
		"东京": {3}, "京都": {3}, "東京": {}, "街": {3}, "大きい街": {3}, "ünïcode": {4}, "UNICODE": {}, "STRASSE": {}, "straße": {4},
		"بالعالم": {5}, "ชาวโลก": {7}, "café": {6}, "line": {6}, "step 103": {3}, "broke": {10, 8, 6, 4, 2}, "shop": {}, "...": {},
	} {
		page, err := s.Search(t.Context(), tracing.Search{Query: tracing.Query{Text: text}})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := numbers(page.Infos); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	// With other conditions, and a page at a time.
	q := tracing.Search{Query: tracing.Query{Text: "quick", Experiments: []string{"7"}}, Limit: 2}
	var got []int
	for range 5 {
		page, err := s.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, numbers(page.Infos)...)
		if q.Token = page.Next; q.Token == "" {
			break
		}
	}
	if !slices.Equal(got, []int{8, 2, 1}) {
		t.Errorf("paged: %v", got)
	}
	page, err := s.Search(t.Context(), tracing.Search{Query: tracing.Query{Text: "quick"}, Order: []filter.Order{{Field: filter.Field{Group: filter.Attribute, Key: "name"}}}})
	if got := numbers(page.Infos); err != nil || !slices.Equal(got, []int{8, 9, 1, 2}) {
		t.Errorf("by name: %v, %v", got, err)
	}
}

func testOrders(t *testing.T, s *tracingSuite) {
	s.sample(t)
	// Two without duration, tokens or name, so that missing values show.
	for n := 11; n <= 12; n++ {
		if _, err := s.StartTrace(t.Context(), tracing.Info{ID: traceID(n), Experiment: "7", RequestTime: s.now.UnixMilli() + int64(n)*1000, Duration: -1, State: tracing.InProgress}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		order string
		want  []int
	}{
		{"timestamp_ms", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		{"timestamp_ms DESC", []int{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
		{"status", []int{10, 8, 6, 4, 2, 12, 11, 9, 7, 5, 3, 1}},
		{"name DESC", []int{7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 12, 11}},
		{"name", []int{8, 4, 9, 5, 1, 10, 6, 2, 7, 3, 12, 11}},
		{"tokens", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 11}},
		{"cost DESC", []int{10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 12, 11}},
		{"request_id DESC", []int{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
		{"tags.parity", []int{10, 8, 6, 4, 2, 9, 7, 5, 3, 1, 12, 11}},
	} {
		field, desc := strings.CutSuffix(c.order, " DESC")
		var orders []filter.Order
		if field == "tokens" || field == "cost" {
			orders = []filter.Order{{Field: filter.Field{Group: filter.Attribute, Key: field}, Desc: desc}}
		} else {
			var err error
			if orders, err = filter.ParseOrder(filter.Traces, []string{c.order}); err != nil {
				t.Fatal(err)
			}
		}
		for _, limit := range []int{1, 5, 100} {
			for _, experiments := range [][]string{nil, {"7", "8"}} {
				var got []int
				q := tracing.Search{Query: tracing.Query{Experiments: experiments}, Order: orders, Limit: limit}
				for range 20 {
					page, err := s.Search(t.Context(), q)
					if err != nil {
						t.Fatalf("%s: %v", c.order, err)
					}
					got = append(got, numbers(page.Infos)...)
					if q.Token = page.Next; q.Token == "" {
						break
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s by %d in %v: %v, want %v", c.order, limit, experiments, got, c.want)
				}
			}
		}
	}
	page, err := s.Search(t.Context(), tracing.Search{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []tracing.Search{{Token: "x"}, {Token: page.Next, Query: tracing.Query{Experiments: []string{"7"}}}, {Query: tracing.Query{Experiments: []string{"x"}}}, {Limit: -1}} {
		if _, err := s.Search(t.Context(), bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func testAggregates(t *testing.T, s *tracingSuite) {
	s.sample(t)
	for _, q := range []tracing.Query{{}, {Filter: parse(t, "tags.none IS NULL")}} {
		h, err := s.Histogram(t.Context(), q, 5)
		sum := func(list []int64) (n int64) {
			for _, v := range list {
				n += v
			}
			return n
		}
		if err != nil || sum(h.OK) != 5 || sum(h.Error) != 5 || len(h.OK) > 5 || h.Width != 2000 && h.Width != 5000 {
			t.Errorf("histogram: %+v, %v", h, err)
		}
	}
	facets, exact, err := s.Facets(t.Context(), tracing.Query{}, []string{"status", "name", "model", "tool", "tag.parity", "experiment", "session", "user"}, 2)
	if err != nil || !exact || len(facets) != 8 {
		t.Fatalf("%+v, %v, %v", facets, exact, err)
	}
	for i, want := range []string{
		"{status [{ERROR 5} {OK 5}] false}", "{name [{root1 3} {root2 3}] true}", "{model [{gpt-1 4} {gpt-0 3}] true}", "{tool [{search 10}] false}",
		"{tag.parity [{even 5} {odd 5}] false}", "{experiment [{7 8} {8 2}] false}", "{session [{c1 2} {c0 1}] false}", "{user [{ann 3}] false}",
	} {
		if got := fmt.Sprint(facets[i]); got != want {
			t.Errorf("facet %s, want %s", got, want)
		}
	}
	if _, _, err := s.Facets(t.Context(), tracing.Query{}, []string{"odd"}, 2); !fault.Is(err, fault.Invalid) {
		t.Errorf("unknown facet: %v", err)
	}
	sessions, next, err := s.Sessions(t.Context(), tracing.SessionQuery{Limit: 1})
	if err != nil || len(sessions) != 1 || next == "" || sessions[0].ID != "c1" || sessions[0].Traces != 2 || sessions[0].Tokens != 14 ||
		sessions[0].User != "ann" || sessions[0].FirstInput != "东京都は大きい街です" {
		t.Fatalf("%+v, %q, %v", sessions, next, err)
	}
	sessions, next, err = s.Sessions(t.Context(), tracing.SessionQuery{Limit: 1, Token: next})
	if err != nil || len(sessions) != 1 || next != "" || sessions[0].ID != "c0" || sessions[0].Errors != 1 {
		t.Fatalf("%+v, %q, %v", sessions, next, err)
	}
	sessions, _, err = s.Sessions(t.Context(), tracing.SessionQuery{Text: "c0", Experiments: []string{"7"}})
	if err != nil || len(sessions) != 1 {
		t.Fatalf("%+v, %v", sessions, err)
	}
}

func testRenormalise(t *testing.T, s *tracingSuite) {
	s.sample(t)
	again := tracing.New(s.store, s.log(), tracing.Config{Now: func() time.Time { return s.now }, Version: 2, Normalise: func(span *trace.Span) {
		span.Columns.Version, span.Columns.Type = 2, "TOOL"
		if span.Columns.Tokens.Total >= 0 {
			span.Columns.Tokens.Total *= 2
		}
	}})
	cursor, changed := "", 0
	for range 10 {
		next, n, err := again.Renormalise(t.Context(), 20260304, cursor)
		if err != nil {
			t.Fatal(err)
		}
		changed += n
		if cursor = next; cursor == "" {
			break
		}
	}
	if info := s.info(t, 3); changed != 20 || info.Tokens.Total != 8 {
		t.Fatalf("%d changed, %+v", changed, info)
	}
	page, err := s.Search(t.Context(), tracing.Search{Query: tracing.Query{Filter: parse(t, "span.type = 'TOOL'")}})
	if err != nil || len(page.Infos) != 10 {
		t.Fatalf("%v, %v", numbers(page.Infos), err)
	}
	if _, n, err := again.Renormalise(t.Context(), 20260304, ""); n != 0 || err != nil {
		t.Fatalf("again: %d, %v", n, err)
	}
}
