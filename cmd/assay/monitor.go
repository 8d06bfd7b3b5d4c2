package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

// measuresIn is what the server's API says of a group, null for unknown.
type measuresIn struct {
	Traces   int64    `json:"traces"`
	Spans    int64    `json:"spans"`
	Errors   int64    `json:"errors"`
	P50      *float64 `json:"p50_ms"`
	P95      *float64 `json:"p95_ms"`
	P99      *float64 `json:"p99_ms"`
	Tokens   *int64   `json:"tokens"`
	Cost     *float64 `json:"cost"`
	Unpriced int64    `json:"unpriced_calls"`
	Scores   int64    `json:"scores"`
	Mean     *float64 `json:"score_mean"`
	Half     *float64 `json:"score_half"`
}

type seriesIn struct {
	Value string     `json:"value"`
	Label string     `json:"label"`
	Other bool       `json:"other"`
	Total measuresIn `json:"total"`
}

type monitorIn struct {
	Start  int64      `json:"start_ms"`
	End    int64      `json:"end_ms"`
	Exact  bool       `json:"exact"`
	Folded int        `json:"folded"`
	Lag    int64      `json:"lag_ms"`
	More   int        `json:"more"`
	Whole  seriesIn   `json:"whole"`
	Series []seriesIn `json:"series"`
	Spend  struct {
		Per1000 *float64 `json:"per_1000_traces"`
		Month   *float64 `json:"per_month"`
		Hours   float64  `json:"hours"`
		Why     string   `json:"why"`
	} `json:"spend"`
}

func newMonitor(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "monitor", Short: "Show volume, errors, latency, tokens, cost and scores of traces", Args: args(cobra.NoArgs)}
	cmd.Flags().String("by", "total", "total, experiment, name, version, user, state, model, provider, node, tool, agent, type, span, error, score or tag.<key>")
	cmd.Flags().String("since", "24h", "not older than this, as 24h, 7d or 2026-01-31T00:00:00Z")
	cmd.Flags().String("until", "", "before this time, as 2026-01-31T00:00:00Z")
	cmd.Flags().StringSlice("experiment", nil, "id of an experiment; may be repeated")
	cmd.Flags().String("filter", "", "only traces where, as in: tags.env = 'prod'")
	cmd.Flags().String("order", "volume", "volume, cost, errors, time or score")
	cmd.Flags().Int("limit", 10, "at most this many values, 1 to 50")
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		in, err := monitorQuery(cmd)
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := c.call(cmd.Context(), http.MethodPost, "/monitor", nil, in, &raw); err != nil {
			return err
		}
		var m monitorIn
		if err := json.Unmarshal(raw, &m); err != nil {
			return fault.New(fault.Unavailable, "the server does not answer as this version expects")
		}
		return s.print(raw, func(w io.Writer) { m.write(w, in["by"].(string)) })
	}
	return cmd
}

func monitorQuery(cmd *cobra.Command) (map[string]any, error) {
	from, err := since(cmd)
	if err != nil {
		return nil, err
	}
	in := map[string]any{"from_ms": from}
	if text, _ := cmd.Flags().GetString("until"); text != "" {
		until, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, usageError{fault.Invalidf("--until %q is no time such as 2026-01-31T00:00:00Z", text)}
		}
		in["to_ms"] = until.UnixMilli()
	}
	for flag, key := range map[string]string{"by": "by", "filter": "filter", "order": "order_by"} {
		in[key], _ = cmd.Flags().GetString(flag)
	}
	in["experiment_ids"], _ = cmd.Flags().GetStringSlice("experiment")
	in["limit"], _ = cmd.Flags().GetInt("limit")
	return in, nil
}

// ofSpans reports whether a grouping counts spans.
func ofSpans(by string) bool {
	return strings.Contains(" model provider node tool agent type span error ", " "+by+" ")
}

func (m *monitorIn) write(w io.Writer, by string) {
	t := m.Whole.Total
	if t.Traces == 0 {
		fmt.Fprintln(w, "No traces in this time.")
		return
	}
	fmt.Fprintf(w, "%d traces, %s failed; p50 %s, p95 %s, p99 %s; %s tokens; %s%s\n", t.Traces, share(t.Errors, t.Traces), tookMS(t.P50), tookMS(t.P95), tookMS(t.P99),
		number(t.Tokens), money(t.Cost), unpriced(t.Unpriced))
	month := money(m.Spend.Month) + fmt.Sprintf(" a month at the pace of %.0f hours", m.Spend.Hours)
	if m.Spend.Month == nil {
		month = "no projection: " + m.Spend.Why
	}
	fmt.Fprintf(w, "%s per 1,000 traces; %s\n", money(m.Spend.Per1000), month)
	if by != "total" && by != "" {
		m.table(w, by)
	}
	if !m.Exact && m.Folded > 0 {
		fmt.Fprintf(w, "Only the newest %d matching traces were read; narrow the time to see all of them.\n", m.Folded)
	}
	if m.Lag > 0 {
		fmt.Fprintf(w, "The last %s are not summed up yet.\n", (time.Duration(m.Lag) * time.Millisecond).Round(time.Millisecond))
	}
}

func (m *monitorIn) table(w io.Writer, by string) {
	what := "TRACES"
	if ofSpans(by) {
		what = "CALLS"
	}
	fmt.Fprintln(w)
	table(w, strings.ToUpper(by)+"\t"+what+"\tFAILED\tP50\tP95\tP99\tTOKENS\tCOST\tSCORE", func(row func(cells ...any)) {
		for _, s := range m.Series {
			n, name := s.Total.Traces, orUnknown(s.Label)
			if ofSpans(by) {
				n = s.Total.Spans
			}
			if s.Other {
				name = fmt.Sprintf("(%d more)", m.More)
			}
			score := unknown
			if s.Total.Mean != nil {
				score = fmt.Sprintf("%.3g n %d", *s.Total.Mean, s.Total.Scores)
			}
			row(name, n, share(s.Total.Errors, n), tookMS(s.Total.P50), tookMS(s.Total.P95), tookMS(s.Total.P99), number(s.Total.Tokens), money(s.Total.Cost)+unpriced(s.Total.Unpriced), score)
		}
	})
}

func share(n, of int64) string {
	if of == 0 {
		return unknown
	}
	return fmt.Sprintf("%.2f%%", 100*float64(n)/float64(of))
}

func unpriced(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d calls without a price)", n)
}
