package main

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"
)

func newAudit(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Read a server's log of who changed what"}
	cmd.AddCommand(newAuditList(s))
	return cmd
}

func newAuditList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List changes, newest first", Args: args(cobra.NoArgs)}
	cmd.Flags().String("actor", "", "who")
	cmd.Flags().String("action", "", "beginning of what, as token. or model_version.delete")
	cmd.Flags().String("object-kind", "", "kind of what was changed")
	cmd.Flags().String("object", "", "id of what was changed")
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
		for flag, name := range map[string]string{"actor": "actor", "action": "action", "object-kind": "object_kind", "object": "object_id"} {
			if v, _ := cmd.Flags().GetString(flag); v != "" {
				q.Set(name, v)
			}
		}
		var found struct {
			Entries []struct {
				Time       *int64 `json:"time_ms"`
				Actor      string `json:"actor"`
				Action     string `json:"action"`
				ObjectKind string `json:"object_kind"`
				ObjectID   string `json:"object_id"`
			} `json:"entries"`
			Next *string `json:"next_page_token"`
		}
		raw, err := get(cmd, "/audit", q, &found)
		if err != nil {
			return err
		}
		rows := [][]string{}
		for _, e := range found.Entries {
			rows = append(rows, []string{moment(e.Time), cut(orUnknown(e.Actor), 20), line(e.Action), line(e.ObjectKind + " " + e.ObjectID)})
		}
		return s.print(raw, func(w io.Writer) {
			s.rows(w, "Nothing was changed.", found.Next, []string{"WHEN", "WHO", "WHAT", "ON"}, rows)
		})
	}
	return cmd
}
