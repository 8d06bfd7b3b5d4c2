package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

func newRun(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "run", Short: "List, show and compare runs of a server"}
	cmd.AddCommand(newRunList(s), newRunShow(s), newRunCompare(s))
	return cmd
}

// runIn is a run as the server's API has it.
type runIn struct {
	ID          string `json:"run_id"`
	Name        string `json:"name"`
	Experiment  string `json:"experiment_name"`
	Status      string `json:"status"`
	User        string `json:"user"`
	Lifecycle   string `json:"lifecycle"`
	Start       *int64 `json:"start_ms"`
	End         *int64 `json:"end_ms"`
	Artifacts   string `json:"artifact_uri"`
	Description string `json:"description"`
}

func (r *runIn) took() string {
	if r.Start == nil || r.End == nil {
		return unknown
	}
	ms := float64(*r.End - *r.Start)
	return tookMS(&ms)
}

func newRunList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List runs, newest first", Args: args(cobra.NoArgs),
		Example: `  assay run list --filter "metrics.rouge1 > 0.5 AND params.model = 'nova'"`}
	cmd.Flags().String("filter", "", "conditions, as in the filter bar")
	cmd.Flags().StringSlice("experiment", nil, "experiment id; may be repeated")
	cmd.Flags().String("lifecycle", "active", "active, deleted or all")
	cmd.Flags().StringSlice("order", nil, "as -start_ms or -metrics.rouge1; may be repeated")
	listFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		page, err := pageQuery(cmd)
		if err != nil {
			return err
		}
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		in := map[string]any{}
		in["limit"], _ = cmd.Flags().GetInt("limit")
		in["lifecycle"], _ = cmd.Flags().GetString("lifecycle")
		if token := page.Get("page_token"); token != "" {
			in["page_token"] = token
		}
		if filter, _ := cmd.Flags().GetString("filter"); filter != "" {
			in["filter"] = filter
		}
		for flag, name := range map[string]string{"experiment": "experiment_ids", "order": "order_by"} {
			if list, _ := cmd.Flags().GetStringSlice(flag); len(list) > 0 {
				in[name] = list
			}
		}
		var found struct {
			Runs []runIn `json:"runs"`
			Next *string `json:"next_page_token"`
		}
		raw, err := c.fetch(cmd, "POST", "/runs/search", nil, in, &found)
		if err != nil {
			return err
		}
		rows := [][]string{}
		for _, r := range found.Runs {
			rows = append(rows, []string{r.ID, statusWord(r.Status), moment(r.Start), r.took(), line(r.Name)})
		}
		return s.print(raw, func(w io.Writer) {
			s.rows(w, "No runs.", found.Next, []string{"RUN", "STATUS", "STARTED", "TOOK", "NAME"}, rows)
		})
	}
	return cmd
}

func newRunShow(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "show RUN", Short: "Show a run with its parameters and latest metrics", Args: args(cobra.ExactArgs(1))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		var r struct {
			runIn
			Params []struct {
				Key   string `json:"key"`
				Value string `json:"value"`
			} `json:"params"`
			Metrics []struct {
				Key   string          `json:"key"`
				Value json.RawMessage `json:"value"`
				Step  int64           `json:"step"`
			} `json:"metrics"`
			Traces int64 `json:"traces"`
		}
		raw, err := get(cmd, "/runs/"+url.PathEscape(given[0]), nil, &r)
		if err != nil {
			return err
		}
		return s.print(raw, func(w io.Writer) {
			fmt.Fprintf(w, "%s  %s  %s\n", r.ID, statusWord(r.Status), line(r.Name))
			fmt.Fprintf(w, "  experiment %s, started %s, took %s, %d traces\n", line(r.Experiment), moment(r.Start), r.took(), r.Traces)
			if r.Description != "" {
				fmt.Fprintln(w, "  "+line(r.Description))
			}
			for _, p := range r.Params {
				fmt.Fprintf(w, "  params.%s = %s\n", line(p.Key), line(p.Value))
			}
			for _, m := range r.Metrics {
				fmt.Fprintf(w, "  metrics.%s = %s at step %d\n", line(m.Key), unquoted(m.Value), m.Step)
			}
		})
	}
	return cmd
}

// unquoted is a JSON value as text: a string without its quotes, null unknown.
func unquoted(raw json.RawMessage) string {
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return unknown
	case json.Unmarshal(raw, &text) == nil:
		return line(text)
	}
	return line(string(raw))
}

func newRunCompare(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "compare RUN RUN…", Short: "Compare runs: what differs among them", Args: args(cobra.RangeArgs(2, 100))}
	cmd.Flags().Bool("all", false, "also what does not differ")
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		var found struct {
			Runs []runIn `json:"runs"`
			Rows []struct {
				Kind    string            `json:"kind"`
				Key     string            `json:"key"`
				Values  []json.RawMessage `json:"values"`
				Differs bool              `json:"differs"`
			} `json:"rows"`
			Missing []string `json:"missing"`
		}
		raw, err := c.fetch(cmd, "POST", "/runs/compare", nil, map[string]any{"run_ids": given}, &found)
		if err != nil {
			return err
		}
		all, _ := cmd.Flags().GetBool("all")
		header := []string{""}
		for _, r := range found.Runs {
			header = append(header, cut(line(r.Name), 20))
		}
		rows, same := [][]string{}, 0
		for _, r := range found.Rows {
			if !r.Differs && !all {
				same++
				continue
			}
			row := []string{r.Kind + " " + cut(line(r.Key), 40)}
			for _, v := range r.Values {
				row = append(row, cut(unquoted(v), 24))
			}
			rows = append(rows, row)
		}
		return s.print(raw, func(w io.Writer) {
			s.rows(w, "Nothing differs.", nil, header, rows)
			if same > 0 {
				fmt.Fprintf(w, "%d more are the same; --all shows them\n", same)
			}
			if len(found.Missing) > 0 {
				fmt.Fprintf(s.err, "not found: %s\n", strings.Join(found.Missing, ", "))
			}
		})
	}
	return cmd
}
