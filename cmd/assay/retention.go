package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

func newRetention(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "retention", Short: "Show, set and carry out how long traces are kept"}
	cmd.AddCommand(newRetentionShow(s), newRetentionSet(s), newRetentionRun(s))
	return cmd
}

type retentionRuleIn struct {
	Filter string   `json:"filter"`
	Share  *float64 `json:"share"`
	Days   *int     `json:"days"`
}

type retentionPolicyIn struct {
	Rules       []retentionRuleIn `json:"rules"`
	DeletedDays *int              `json:"deleted_days"`
}

type retentionIn struct {
	Policy      retentionPolicyIn `json:"policy"`
	Experiments []struct {
		Experiment string            `json:"experiment_id"`
		Policy     retentionPolicyIn `json:"policy"`
	} `json:"experiments"`
	Last *struct {
		JobID   string      `json:"job_id"`
		EndedMS int64       `json:"ended_ms"`
		Report  purgeReport `json:"report"`
	} `json:"last_run"`
	KeepTag string `json:"keep_tag"`
}

func (p *retentionPolicyIn) write(w io.Writer) {
	if len(p.Rules) == 0 {
		fmt.Fprintln(w, "  keep every trace")
	}
	for i, r := range p.Rules {
		text := "for ever"
		if r.Days != nil {
			text = strconv.Itoa(*r.Days) + " days"
		}
		if r.Share != nil {
			text += fmt.Sprintf(", %g%%", *r.Share*100)
		}
		if r.Filter != "" {
			text += " if " + r.Filter
		}
		fmt.Fprintf(w, "  %d. keep %s\n", i+1, text)
	}
	if p.DeletedDays != nil {
		fmt.Fprintf(w, "  deleted runs and experiments go after %d days\n", *p.DeletedDays)
	}
}

func (r *retentionIn) write(w io.Writer) {
	fmt.Fprintln(w, "Workspace:")
	r.Policy.write(w)
	for _, e := range r.Experiments {
		fmt.Fprintf(w, "Experiment %s:\n", e.Experiment)
		e.Policy.write(w)
	}
	fmt.Fprintf(w, "Traces with the tag %s are kept.\n", r.KeepTag)
	if r.Last != nil {
		fmt.Fprintf(w, "Last round %s: %d traces, %d runs deleted.\n", when(r.Last.EndedMS), r.Last.Report.Traces, r.Last.Report.Runs)
	}
}

func newRetentionShow(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "show", Short: "Show the policies and the last round", Args: args(cobra.NoArgs)}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		var r retentionIn
		if err := c.call(cmd.Context(), "GET", "/retention", nil, nil, &r); err != nil {
			return err
		}
		return s.print(r, r.write)
	}
	return cmd
}

func newRetentionSet(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set RULE...",
		Short: "Set the policy: rules such as '30', '365 if feedback.correctness < 0.5', '180 10%', 'forever if tags.gold = \"yes\"'",
		Long: `Set the policy of the workspace, or of an experiment with --experiment. Rules
are asked in order; the first that applies to a trace decides. A rule is the
number of days, or "forever"; then perhaps a share, as 10%, of the traces it
applies to; then perhaps "if" and a filter. Without rules every trace is kept.`,
		Args: args(cobra.ArbitraryArgs),
	}
	clientFlags(cmd)
	cmd.Flags().String("experiment", "", "id of an experiment that gets a policy of its own")
	cmd.Flags().Int("deleted-days", 0, "remove deleted runs and experiments for good after these days; 0 keeps them")
	cmd.Flags().Bool("unset", false, "remove the policy")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		experiment, _ := cmd.Flags().GetString("experiment")
		var r retentionIn
		if unset, _ := cmd.Flags().GetBool("unset"); unset {
			err = c.call(cmd.Context(), "DELETE", "/retention", url.Values{"experiment_id": {experiment}}, nil, &r)
		} else {
			p := retentionPolicyIn{Rules: []retentionRuleIn{}}
			for _, text := range given {
				rule, err := parseRule(text)
				if err != nil {
					return err
				}
				p.Rules = append(p.Rules, rule)
			}
			if days, _ := cmd.Flags().GetInt("deleted-days"); days > 0 {
				p.DeletedDays = &days
			}
			err = c.call(cmd.Context(), "PUT", "/retention", nil, map[string]any{"experiment_id": experiment, "policy": p}, &r)
		}
		if err != nil {
			return err
		}
		return s.print(r, r.write)
	}
	return cmd
}

// parseRule reads "30 10% if filter".
func parseRule(text string) (r retentionRuleIn, err error) {
	head, filter, ok := strings.Cut(text, " if ")
	if ok {
		r.Filter = strings.TrimSpace(filter)
	}
	words := strings.Fields(head)
	bad := usageError{fault.Invalidf("%q is no rule such as 30, 'forever if …' or '180 10%% if …'", text)}
	if len(words) == 0 || len(words) > 2 {
		return r, bad
	}
	if words[0] != "forever" {
		days, err := strconv.Atoi(words[0])
		if err != nil || days < 1 {
			return r, bad
		}
		r.Days = &days
	}
	if len(words) == 2 {
		share, err := strconv.ParseFloat(strings.TrimSuffix(words[1], "%"), 64)
		if err != nil || !strings.HasSuffix(words[1], "%") {
			return r, bad
		}
		share /= 100
		r.Share = &share
	}
	return r, nil
}

func newRetentionRun(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "run", Short: "Carry the policies out now instead of at night", Args: args(cobra.NoArgs)}
	clientFlags(cmd)
	cmd.Flags().Bool("dry-run", false, "count what would be deleted and stop")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		dry, _ := cmd.Flags().GetBool("dry-run")
		var raw json.RawMessage
		if err := c.call(cmd.Context(), "POST", "/retention/run", nil, map[string]any{"dry_run": dry}, &raw); err != nil {
			return err
		}
		var done purgeAnswer
		if err := json.Unmarshal(raw, &done); err != nil {
			return fault.New(fault.Unavailable, "the server does not answer as this version expects")
		}
		if dry {
			return s.print(raw, done.Report.write)
		}
		return s.follow(cmd, c, done.Job)
	}
	return cmd
}
