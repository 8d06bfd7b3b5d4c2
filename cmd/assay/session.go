package main

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"
)

func newSession(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "session", Short: "List sessions (conversations) of a server"}
	cmd.AddCommand(newSessionList(s))
	return cmd
}

func newSessionList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List sessions, newest first; `assay trace list --session ID` lists one's turns", Args: args(cobra.NoArgs)}
	cmd.Flags().String("id", "", "beginning of the session's id or of the user")
	cmd.Flags().StringSlice("experiment", nil, "experiment id; may be repeated")
	sinceFlag(cmd)
	listFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := pageQuery(cmd)
		if err != nil {
			return err
		}
		from, err := since(cmd)
		if err != nil {
			return err
		}
		if from != 0 {
			q.Set("from_ms", strconv.FormatInt(from, 10))
		}
		if id, _ := cmd.Flags().GetString("id"); id != "" {
			q.Set("q", id)
		}
		q["experiment_id"], _ = cmd.Flags().GetStringSlice("experiment")
		var found struct {
			Sessions []struct {
				ID     string   `json:"session"`
				User   *string  `json:"user"`
				Traces int      `json:"traces"`
				Errors int      `json:"errors"`
				Last   *int64   `json:"last_ms"`
				Cost   *float64 `json:"cost"`
				Input  string   `json:"first_input"`
			} `json:"sessions"`
			Next *string `json:"next_page_token"`
		}
		raw, err := get(cmd, "/sessions", q, &found)
		if err != nil {
			return err
		}
		rows := [][]string{}
		for _, v := range found.Sessions {
			user := unknown
			if v.User != nil {
				user = cut(line(*v.User), 20)
			}
			rows = append(rows, []string{line(v.ID), user, strconv.Itoa(v.Traces), strconv.Itoa(v.Errors), money(v.Cost), moment(v.Last), line(v.Input)})
		}
		return s.print(raw, func(w io.Writer) {
			s.rows(w, "No sessions.", found.Next, []string{"SESSION", "USER", "TURNS", "FAILED", "COST", "LAST", "BEGAN WITH"}, rows)
		})
	}
	return cmd
}
