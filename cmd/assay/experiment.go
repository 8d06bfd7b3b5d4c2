package main

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"
)

func newExperiment(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "experiment", Short: "List experiments of a server"}
	cmd.AddCommand(newExperimentList(s))
	return cmd
}

func newExperimentList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List experiments, the one last used first", Args: args(cobra.NoArgs)}
	cmd.Flags().String("name", "", "part of the name")
	cmd.Flags().String("lifecycle", "active", "active, deleted or all")
	listFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := pageQuery(cmd)
		if err != nil {
			return err
		}
		for flag, name := range map[string]string{"name": "q", "lifecycle": "lifecycle"} {
			if v, _ := cmd.Flags().GetString(flag); v != "" {
				q.Set(name, v)
			}
		}
		var found struct {
			Experiments []struct {
				ID       string `json:"experiment_id"`
				Name     string `json:"name"`
				Runs     int64  `json:"runs"`
				Traces   int64  `json:"traces"`
				Activity *int64 `json:"last_activity_ms"`
			} `json:"experiments"`
			Next *string `json:"next_page_token"`
		}
		raw, err := get(cmd, "/experiments", q, &found)
		if err != nil {
			return err
		}
		rows := [][]string{}
		for _, e := range found.Experiments {
			rows = append(rows, []string{e.ID, strconv.FormatInt(e.Runs, 10), strconv.FormatInt(e.Traces, 10), moment(e.Activity), line(e.Name)})
		}
		return s.print(raw, func(w io.Writer) {
			s.rows(w, "No experiments.", found.Next, []string{"ID", "RUNS", "TRACES", "LAST ACTIVITY", "NAME"}, rows)
		})
	}
	return cmd
}
