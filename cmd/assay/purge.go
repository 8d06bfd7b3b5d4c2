package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

func newPurge(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "purge",
		Short: "Delete permanently: experiments, runs, traces, a user's data, garbage",
		Long: `Delete permanently. What goes is counted and shown first; --dry-run ends there.
The deletion is a job: payload is rewritten without what was deleted before it
ends. Nothing of it can be restored.`,
	}
	cmd.AddCommand(
		newPurgeOf(s, "experiment", "experiment ID...", "Delete experiments with their runs, models, traces and files", cobra.MinimumNArgs(1)),
		newPurgeOf(s, "run", "run ID...", "Delete runs with their history and files", cobra.MinimumNArgs(1)),
		newPurgeOf(s, "trace", "trace [ID...]", "Delete traces, by id or by --filter", cobra.ArbitraryArgs),
		newPurgeOf(s, "user", "user ID", "Delete all traces of a user, the sessions, records made from them and assessments", cobra.ExactArgs(1)),
		newPurgeOf(s, "garbage", "garbage", "Delete files and payload that nothing refers to", cobra.NoArgs))
	return cmd
}

// purgeReport is what goes, as the server counts it.
type purgeReport struct {
	Experiments int64    `json:"experiments"`
	Runs        int64    `json:"runs"`
	Models      int64    `json:"logged_models"`
	Traces      int64    `json:"traces"`
	Spans       int64    `json:"spans"`
	Assessments int64    `json:"assessments"`
	Records     int64    `json:"dataset_records"`
	Files       int64    `json:"files"`
	Bytes       int64    `json:"bytes"`
	Days        int64    `json:"days"`
	Names       []string `json:"names"`
	Versions    []string `json:"versions"`
	Elsewhere   []string `json:"elsewhere"`
	Exact       bool     `json:"exact"`
}

func (r *purgeReport) total() int64 {
	return r.Experiments + r.Runs + r.Models + r.Traces + r.Assessments + r.Records + r.Files + r.Days
}

func (r *purgeReport) write(w io.Writer) {
	if r.total() == 0 {
		fmt.Fprintln(w, "Nothing to delete.")
		return
	}
	more := ""
	if !r.Exact {
		more = " or more"
	}
	table(w, "WHAT\tHOW MANY", func(row func(cells ...any)) {
		for _, c := range []struct {
			what string
			n    int64
		}{{"experiments", r.Experiments}, {"runs", r.Runs}, {"logged models", r.Models}, {"traces", r.Traces}, {"spans", r.Spans},
			{"assessments by the user", r.Assessments}, {"dataset records", r.Records}, {"files", r.Files}, {"bytes", r.Bytes}, {"days of payload", r.Days}} {
			if c.n > 0 {
				row(c.what, fmt.Sprint(c.n)+more)
			}
		}
	})
	for _, list := range []struct {
		head  string
		names []string
	}{{"Among them: ", r.Names}, {"Model versions refer to files that would go: ", r.Versions}, {"Not on this server, stays: ", r.Elsewhere}} {
		if len(list.names) > 0 {
			fmt.Fprintln(w, list.head+strings.Join(list.names, ", "))
		}
	}
}

type purgeAnswer struct {
	Report *purgeReport `json:"report"`
	Job    *jobIn       `json:"job"`
}

func newPurgeOf(s *streams, kind, use, short string, check cobra.PositionalArgs) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: args(check)}
	clientFlags(cmd)
	cmd.Flags().Bool("dry-run", false, "count what would be deleted and stop")
	cmd.Flags().Bool("yes", false, "do not ask")
	if kind == "experiment" || kind == "run" {
		cmd.Flags().Bool("force", false, "delete files although model versions refer to them")
	}
	if kind == "trace" {
		cmd.Flags().String("filter", "", "delete the traces that match")
		cmd.Flags().StringSlice("experiment", nil, "with --filter: only of these experiments")
		cmd.Flags().Duration("older-than", 0, "delete traces that are older, such as 720h")
	}
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		in := purgeInput(cmd, kind, given)
		var plan purgeAnswer
		in["dry_run"] = true
		if err := c.call(cmd.Context(), "POST", "/purge", nil, in, &plan); err != nil {
			return err
		}
		dry, _ := cmd.Flags().GetBool("dry-run")
		if dry || plan.Report.total() == 0 {
			return s.print(plan.Report, plan.Report.write)
		}
		if yes, _ := cmd.Flags().GetBool("yes"); !yes {
			plan.Report.write(s.err)
			if err := s.confirm("delete"); err != nil {
				return err
			}
		}
		in["dry_run"] = false
		var done purgeAnswer
		if err := c.call(cmd.Context(), "POST", "/purge", nil, in, &done); err != nil {
			return err
		}
		return s.follow(cmd, c, done.Job)
	}
	return cmd
}

func purgeInput(cmd *cobra.Command, kind string, given []string) map[string]any {
	in := map[string]any{"kind": kind}
	switch kind {
	case "user":
		in["user"] = given[0]
	case "trace":
		in["filter"], _ = cmd.Flags().GetString("filter")
		in["experiment_ids"], _ = cmd.Flags().GetStringSlice("experiment")
		if age, _ := cmd.Flags().GetDuration("older-than"); age > 0 {
			in["to_ms"] = time.Now().Add(-age).UnixMilli()
		}
		in["ids"] = given
	case "garbage":
	default:
		in["ids"] = given
		in["force"], _ = cmd.Flags().GetBool("force")
	}
	return in
}

// confirm asks the user to type a word.
func (s *streams) confirm(word string) error {
	fmt.Fprintf(s.err, "This cannot be undone. Type %q to go on: ", word)
	line, err := bufio.NewReader(s.in).ReadString('\n')
	if err != nil && line == "" || strings.TrimSpace(line) != word {
		return fault.New(fault.State, "nothing was deleted; use --yes where nobody can answer")
	}
	return nil
}

// follow waits for a job and prints its end.
func (s *streams) follow(cmd *cobra.Command, c *client, j *jobIn) error {
	for {
		var now struct {
			jobIn
			Result *struct{ Label string } `json:"result"`
		}
		var raw json.RawMessage
		if err := c.call(cmd.Context(), "GET", "/jobs/"+url.PathEscape(j.ID), nil, nil, &raw); err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &now); err != nil {
			return fault.New(fault.Unavailable, "the server does not answer as this version expects")
		}
		switch now.State {
		case "succeeded":
			return s.print(raw, func(w io.Writer) {
				if now.Result != nil {
					fmt.Fprintln(w, now.Result.Label)
				}
			})
		case "failed", "canceled":
			reason := ""
			if now.Error != nil {
				reason = ": " + *now.Error
			}
			return fault.New(fault.State, "the job %s %s%s", now.ID, now.State, reason)
		}
		select {
		case <-time.After(watchEvery / 4):
		case <-cmd.Context().Done():
			return cmd.Context().Err()
		}
	}
}
