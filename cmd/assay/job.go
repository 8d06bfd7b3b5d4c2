package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

func newJob(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "job", Short: "List, watch, cancel and retry jobs of a server"}
	cmd.AddCommand(newJobList(s),
		newJobAction(s, "show", "Show a job", "GET", ""),
		newJobAction(s, "cancel", "Ask a job to stop", "POST", "/cancel"),
		newJobAction(s, "retry", "Run a failed or cancelled job again where it stopped", "POST", "/retry"),
		newJobWatch(s))
	return cmd
}

// jobIn is a job as the server's API has it.
type jobIn struct {
	ID      string   `json:"job_id"`
	Kind    string   `json:"kind"`
	Title   string   `json:"title"`
	State   string   `json:"state"`
	Owner   string   `json:"owner"`
	Done    int64    `json:"done"`
	Total   *int64   `json:"total"`
	Unit    string   `json:"unit"`
	Rate    *float64 `json:"rate"`
	ETA     *int64   `json:"eta_ms"`
	Attempt int      `json:"attempt"`
	Error   *string  `json:"error"`
	Created int64    `json:"created_ms"`
	Ended   *int64   `json:"ended_ms"`
}

func (j *jobIn) progress() string {
	text := strconv.FormatInt(j.Done, 10)
	if j.Total != nil {
		text += "/" + strconv.FormatInt(*j.Total, 10)
	}
	if j.Unit != "" {
		text += " " + j.Unit
	}
	if j.Rate != nil {
		text += fmt.Sprintf(", %.3g/s", *j.Rate)
	}
	if j.ETA != nil {
		text += ", " + (time.Duration(*j.ETA) * time.Millisecond).Round(time.Second).String() + " left"
	}
	return text
}

func (j *jobIn) write(w io.Writer) {
	fmt.Fprintf(w, "%s  %s  %s  %s\n", j.ID, j.State, j.Title, j.progress())
	if j.Error != nil && *j.Error != "" {
		fmt.Fprintln(w, "  "+*j.Error)
	}
}

func newJobList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List jobs, newest first", Args: args(cobra.NoArgs)}
	cmd.Flags().StringSlice("state", nil, "queued, running, canceling, succeeded, failed or canceled; may be repeated")
	cmd.Flags().String("kind", "", "kind of job")
	cmd.Flags().Int("limit", 50, "at most this many, 1 to 1000")
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		q := url.Values{}
		q["state"], _ = cmd.Flags().GetStringSlice("state")
		if kind, _ := cmd.Flags().GetString("kind"); kind != "" {
			q.Set("kind", kind)
		}
		limit, _ := cmd.Flags().GetInt("limit")
		q.Set("limit", strconv.Itoa(limit))
		var raw json.RawMessage
		if err := c.call(cmd.Context(), "GET", "/jobs", q, nil, &raw); err != nil {
			return err
		}
		var page struct {
			Jobs   []jobIn `json:"jobs"`
			Active int     `json:"active"`
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return fault.New(fault.Unavailable, "the server does not answer as this version expects")
		}
		return s.print(raw, func(w io.Writer) {
			if len(page.Jobs) == 0 {
				fmt.Fprintln(w, "No jobs.")
				return
			}
			table(w, "JOB\tSTATE\tTITLE\tPROGRESS\tCREATED", func(row func(cells ...any)) {
				for _, j := range page.Jobs {
					row(j.ID, j.State, j.Title, j.progress(), when(j.Created))
				}
			})
			fmt.Fprintf(w, "%d at work\n", page.Active)
		})
	}
	return cmd
}

func newJobAction(s *streams, name, short, method, path string) *cobra.Command {
	cmd := &cobra.Command{Use: name + " JOB", Short: short, Args: args(cobra.ExactArgs(1))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := c.call(cmd.Context(), method, "/jobs/"+url.PathEscape(given[0])+path, nil, nil, &raw); err != nil {
			return err
		}
		var j jobIn
		if err := json.Unmarshal(raw, &j); err != nil {
			return fault.New(fault.Unavailable, "the server does not answer as this version expects")
		}
		return s.print(raw, j.write)
	}
	return cmd
}

// watchEvery is the pause between two looks at a job.
const watchEvery = time.Second

func newJobWatch(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch JOB",
		Short: "Follow a job to its end; exits with 1 unless it succeeds",
		Args:  args(cobra.ExactArgs(1)),
	}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		last := ""
		for {
			var j jobIn
			if err := c.call(cmd.Context(), "GET", "/jobs/"+url.PathEscape(given[0]), nil, nil, &j); err != nil {
				return err
			}
			if now := j.State + j.progress(); now != last {
				last = now
				if err := s.print(j, j.write); err != nil {
					return err
				}
			}
			switch j.State {
			case "succeeded":
				return nil
			case "failed", "canceled":
				return fault.New(fault.State, "the job %s", j.State)
			}
			select {
			case <-time.After(watchEvery):
			case <-cmd.Context().Done():
				return cmd.Context().Err()
			}
		}
	}
	return cmd
}
