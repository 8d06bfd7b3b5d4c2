package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

func newAlert(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "alert", Short: "Watch error rate, latency, cost, scores and volume of a server"}
	cmd.AddCommand(newAlertList(s), newAlertShow(s), newAlertCreate(s, "create"), newAlertCreate(s, "preview"), newAlertDelete(s), newAlertMute(s), newAlertUnmute(s))
	return cmd
}

// alertIn is a rule as the server's API has it.
type alertIn struct {
	ID         string   `json:"alert_id"`
	Name       string   `json:"name"`
	Sentence   string   `json:"sentence"`
	State      string   `json:"state"`
	Since      int64    `json:"since_ms"`
	Measured   *float64 `json:"measured"`
	N          int64    `json:"n"`
	Enabled    bool     `json:"enabled"`
	MutedUntil *int64   `json:"muted_until_ms"`
	MuteReason *string  `json:"mute_reason"`
	Problem    *string  `json:"problem"`
	Traces     *string  `json:"traces_path"`
}

func (a *alertIn) state() string {
	switch {
	case !a.Enabled:
		return "off"
	case a.MutedUntil != nil:
		return a.State + ", muted"
	}
	return a.State
}

func (a *alertIn) value() string {
	if a.Measured == nil {
		return "-"
	}
	return strconv.FormatFloat(*a.Measured, 'g', 4, 64)
}

func (a *alertIn) write(w io.Writer) {
	fmt.Fprintf(w, "%s  %s  %s\n  %s\n  value %s, n %d, since %s\n", a.ID, a.state(), a.Name, a.Sentence, a.value(), a.N, when(a.Since))
	if a.MutedUntil != nil {
		reason := ""
		if a.MuteReason != nil {
			reason = ": " + *a.MuteReason
		}
		fmt.Fprintf(w, "  muted until %s%s\n", when(*a.MutedUntil), reason)
	}
	if a.Problem != nil {
		fmt.Fprintln(w, "  "+*a.Problem)
	}
}

// alerts reads the rules of a workspace.
func alerts(cmd *cobra.Command, c *client) (all []alertIn, raw json.RawMessage, err error) {
	if err := c.call(cmd.Context(), "GET", "/alerts", nil, nil, &raw); err != nil {
		return nil, nil, err
	}
	var page struct {
		Alerts []alertIn `json:"alerts"`
	}
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, nil, fault.New(fault.Unavailable, "the server does not answer as this version expects")
	}
	return page.Alerts, raw, nil
}

// alertNamed finds a rule by id or name.
func alertNamed(cmd *cobra.Command, c *client, name string) (alertIn, error) {
	all, _, err := alerts(cmd, c)
	if err != nil {
		return alertIn{}, err
	}
	for _, a := range all {
		if a.ID == name || a.Name == name {
			return a, nil
		}
	}
	return alertIn{}, fault.NotFoundf("no alert rule %q", name)
}

func newAlertList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List rules with their state", Args: args(cobra.NoArgs)}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		all, raw, err := alerts(cmd, c)
		if err != nil {
			return err
		}
		return s.print(raw, func(w io.Writer) {
			if len(all) == 0 {
				fmt.Fprintln(w, "No alert rules.")
				return
			}
			table(w, "NAME\tSTATE\tVALUE\tN\tSINCE\tRULE", func(row func(cells ...any)) {
				for _, a := range all {
					row(a.Name, a.state(), a.value(), a.N, when(a.Since), a.Sentence)
				}
			})
		})
	}
	return cmd
}

func newAlertShow(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "show RULE", Short: "Show a rule, by name or id, and its history", Args: args(cobra.ExactArgs(1))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		a, err := alertNamed(cmd, c, given[0])
		if err != nil {
			return err
		}
		var rule json.RawMessage
		if err := c.call(cmd.Context(), "GET", "/alerts/"+url.PathEscape(a.ID), nil, nil, &rule); err != nil {
			return err
		}
		var page struct {
			Changes []struct {
				Time   int64    `json:"time_ms"`
				From   string   `json:"from"`
				To     string   `json:"to"`
				Value  *float64 `json:"value"`
				N      int64    `json:"n"`
				Reason *string  `json:"reason"`
			} `json:"changes"`
		}
		if err := c.call(cmd.Context(), "GET", "/alerts/"+url.PathEscape(a.ID)+"/changes", url.Values{"limit": {"20"}}, nil, &page); err != nil {
			return err
		}
		return s.print(rule, func(w io.Writer) {
			a.write(w)
			for _, ch := range page.Changes {
				value := alertIn{Measured: ch.Value}
				fmt.Fprintf(w, "  %s  %s -> %s  value %s, n %d\n", when(ch.Time), ch.From, ch.To, value.value(), ch.N)
			}
		})
	}
	return cmd
}

// ruleFlags declares what a rule is made of.
func ruleFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("signal", "", "error_rate, latency_p50, latency_p95, latency_p99, cost, cost_per_1000, score, volume, tokens, stalled or loops")
	f.String("score", "", "name of the assessment, for --signal score")
	f.Float64("above", 0, "fire above this (rates 0 to 1, latencies in ms, costs in US dollars)")
	f.Float64("below", 0, "fire below this")
	f.Float64("clear", 0, "clear at this or on its calm side; default: the threshold to fire")
	f.Duration("window", 10*time.Minute, "what is measured, 1m to 24h")
	f.Duration("for", 0, "how long it must hold")
	f.Int("min-traces", 0, "a rate over fewer traces is not enough data")
	f.String("no-data", "keep", "what too little data does: keep, or alert")
	f.Duration("remind", 0, "tell again while firing; 0 is never")
	f.String("severity", "warning", "info, warning or critical")
	f.StringSlice("channel", nil, "name or id of a channel to tell; may be repeated")
	f.StringSlice("experiment", nil, "id of an experiment; may be repeated; default: all")
	for _, d := range []string{"model", "version", "node", "tool", "user", "name"} {
		f.String(d, "", "only traces with this "+d)
	}
	f.String("tag", "", "only traces with this tag, as key=value")
	f.Bool("off", false, "do not judge it yet")
}

// ruleBody is the request that the flags of ruleFlags mean.
func ruleBody(cmd *cobra.Command, c *client, name string) (map[string]any, error) {
	f := cmd.Flags()
	text := func(flag string) string { v, _ := f.GetString(flag); return v }
	millis := func(flag string) int64 { v, _ := f.GetDuration(flag); return v.Milliseconds() }
	if f.Changed("above") == f.Changed("below") {
		return nil, usageError{fault.Invalidf("say either --above or --below")}
	}
	comparison := "above"
	if f.Changed("below") {
		comparison = "below"
	}
	fire, _ := f.GetFloat64(comparison)
	body := map[string]any{"name": name, "signal": text("signal"), "score": text("score"), "comparison": comparison, "fire": fire,
		"window_ms": millis("window"), "for_ms": millis("for"), "no_data": text("no-data"), "remind_ms": millis("remind"), "severity": text("severity")}
	body["min_traces"], _ = f.GetInt("min-traces")
	body["experiment_ids"], _ = f.GetStringSlice("experiment")
	off, _ := f.GetBool("off")
	body["enabled"] = !off
	if f.Changed("clear") {
		body["clear"], _ = f.GetFloat64("clear")
	}
	for _, d := range []string{"model", "version", "node", "tool", "user", "name", "tag"} {
		v := text(d)
		if v == "" {
			continue
		}
		if body["dimension"] != nil {
			return nil, usageError{fault.Invalidf("a rule has one of --model, --version, --node, --tool, --user, --name and --tag")}
		}
		if d == "tag" {
			key, value, ok := strings.Cut(v, "=")
			if !ok {
				return nil, usageError{fault.Invalidf("--tag %q is not key=value", v)}
			}
			body["key"], v = key, value
		}
		body["dimension"], body["value"] = d, v
	}
	names, _ := f.GetStringSlice("channel")
	ids := []string{}
	for _, n := range names {
		ch, err := channelNamed(cmd, c, n)
		if err != nil {
			return nil, err
		}
		ids = append(ids, ch.ID)
	}
	body["channel_ids"] = ids
	return body, nil
}

// newAlertCreate makes a rule, or says what it would have done.
func newAlertCreate(s *streams, verb string) *cobra.Command {
	cmd := &cobra.Command{Use: "create NAME", Short: "Add a rule", Args: args(cobra.ExactArgs(1)),
		Example: `  assay alert create "errors of finance" --signal error_rate --above 0.05 --clear 0.03 \
      --window 10m --for 5m --min-traces 50 --experiment 1 --channel ops`}
	if verb == "preview" {
		cmd = &cobra.Command{Use: "preview", Aliases: []string{"test"}, Short: "Say what a rule would have done last week", Args: args(cobra.NoArgs)}
	}
	ruleFlags(cmd)
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		name := "preview"
		if len(given) > 0 {
			name = given[0]
		}
		body, err := ruleBody(cmd, c, name)
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if verb == "preview" {
			if err := c.call(cmd.Context(), "POST", "/alerts/preview", nil, body, &raw); err != nil {
				return err
			}
			var p struct {
				Count    int     `json:"count"`
				NoData   float64 `json:"no_data_share"`
				Sentence string  `json:"sentence"`
			}
			if err := json.Unmarshal(raw, &p); err != nil {
				return fault.New(fault.Unavailable, "the server does not answer as this version expects")
			}
			return s.print(raw, func(w io.Writer) {
				fmt.Fprintf(w, "%s\nlast week: %d firings; not enough data %.0f %% of the time\n", p.Sentence, p.Count, 100*p.NoData)
			})
		}
		if err := c.call(cmd.Context(), "POST", "/alerts", nil, body, &raw); err != nil {
			return err
		}
		return printAlert(s, raw)
	}
	return cmd
}

func printAlert(s *streams, raw json.RawMessage) error {
	var a alertIn
	if err := json.Unmarshal(raw, &a); err != nil {
		return fault.New(fault.Unavailable, "the server does not answer as this version expects")
	}
	return s.print(raw, a.write)
}

func newAlertDelete(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "delete RULE", Short: "Remove a rule and its history", Args: args(cobra.ExactArgs(1))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		a, err := alertNamed(cmd, c, given[0])
		if err != nil {
			return err
		}
		if err := c.call(cmd.Context(), "DELETE", "/alerts/"+url.PathEscape(a.ID), nil, nil, nil); err != nil {
			return err
		}
		return s.print(map[string]string{"deleted": a.ID}, func(w io.Writer) { fmt.Fprintln(w, a.Name+" is deleted") })
	}
	return cmd
}

func newAlertMute(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "mute RULE", Short: "Keep a rule's news from its channels for a time", Args: args(cobra.ExactArgs(1))}
	cmd.Flags().Duration("for", 4*time.Hour, "how long")
	cmd.Flags().String("reason", "", "why, for whoever wonders at the silence")
	return muting(s, cmd, func(cmd *cobra.Command) map[string]any {
		d, _ := cmd.Flags().GetDuration("for")
		reason, _ := cmd.Flags().GetString("reason")
		return map[string]any{"until_ms": time.Now().Add(d).UnixMilli(), "reason": reason}
	})
}

func newAlertUnmute(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "unmute RULE", Short: "Let a muted rule speak again", Args: args(cobra.ExactArgs(1))}
	return muting(s, cmd, func(*cobra.Command) map[string]any { return map[string]any{"until_ms": 0} })
}

func muting(s *streams, cmd *cobra.Command, body func(*cobra.Command) map[string]any) *cobra.Command {
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		a, err := alertNamed(cmd, c, given[0])
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := c.call(cmd.Context(), "POST", "/alerts/"+url.PathEscape(a.ID)+"/mute", nil, body(cmd), &raw); err != nil {
			return err
		}
		return printAlert(s, raw)
	}
	return cmd
}
