package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

func newImport(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Copy what another server holds into this one"}
	cmd.AddCommand(newImportMLflow(s), newImportShow(s))
	return cmd
}

func newImportMLflow(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mlflow URL|DIR",
		Short: "Import an MLflow server, or an mlruns directory of the server's machine",
		Long: `Copies experiments, runs with their whole history, artifacts, logged and
registered models, prompts, traces, evaluation datasets and scorers. Ids stay.
It may be stopped, cut off and started again: it goes on where it was, and what
is here already is not copied twice. At the end both sides are compared field
by field, and the report says what differs.

Credentials of the MLflow server are read from MLFLOW_TRACKING_USERNAME and
MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.

    assay import mlflow http://mlflow.example:5000
    assay import mlflow ./mlruns --dry-run`,
		Args: args(cobra.ExactArgs(1)),
	}
	cmd.Flags().StringArray("experiment", nil, "import this experiment only; may be repeated")
	cmd.Flags().Bool("no-traces", false, "leave traces out")
	cmd.Flags().Bool("no-artifacts", false, "leave the files of runs and models out")
	cmd.Flags().Bool("dry-run", false, "count what there is and copy nothing")
	cmd.Flags().Bool("verify-only", false, "compare both sides and copy nothing")
	cmd.Flags().Bool("no-verify", false, "do not compare both sides after the copy")
	cmd.Flags().Bool("detach", false, "start the import and do not wait for it")
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		in, err := importRequest(cmd, given[0])
		if err != nil {
			return err
		}
		var started importIn
		if err := c.call(cmd.Context(), http.MethodPost, "/imports", nil, in, &started); err != nil {
			return err
		}
		if detach, _ := cmd.Flags().GetBool("detach"); detach {
			return s.print(started, func(w io.Writer) {
				fmt.Fprintf(w, "%s\nFollow it with `assay import show %s --follow`, stop it with `assay job cancel %s`.\n", started.ID, started.ID, started.ID)
			})
		}
		return s.followImport(cmd.Context(), c, started.ID)
	}
	return cmd
}

// importRequest is the body that asks for an import.
func importRequest(cmd *cobra.Command, source string) (map[string]any, error) {
	if !strings.Contains(source, "://") {
		whole, err := filepath.Abs(source)
		if err != nil {
			return nil, usageError{fault.Invalidf("%q is no directory", source)}
		}
		source = whole
	}
	in := map[string]any{"source": source}
	for flag, name := range map[string]string{"no-traces": "no_traces", "no-artifacts": "no_artifacts", "dry-run": "dry_run",
		"verify-only": "verify_only", "no-verify": "no_verify"} {
		if on, _ := cmd.Flags().GetBool(flag); on {
			in[name] = true
		}
	}
	if names, _ := cmd.Flags().GetStringArray("experiment"); len(names) > 0 {
		in["experiments"] = names
	}
	for name, variable := range map[string]string{"username": "MLFLOW_TRACKING_USERNAME", "password": "MLFLOW_TRACKING_PASSWORD", "token": "MLFLOW_TRACKING_TOKEN"} {
		if v := os.Getenv(variable); v != "" {
			in[name] = v
		}
	}
	return in, nil
}

func newImportShow(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "show IMPORT", Short: "Show an import and its report", Args: args(cobra.ExactArgs(1))}
	cmd.Flags().Bool("follow", false, "wait for its end")
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		if follow, _ := cmd.Flags().GetBool("follow"); follow {
			return s.followImport(cmd.Context(), c, given[0])
		}
		var raw json.RawMessage
		i, err := c.importOf(cmd.Context(), given[0], &raw)
		if err != nil {
			return err
		}
		return s.print(raw, i.write)
	}
	return cmd
}

// importIn is an import as the server's API has it.
type importIn struct {
	ID     string        `json:"import_id"`
	Phase  *string       `json:"phase"`
	Job    jobIn         `json:"job"`
	Kinds  []string      `json:"kinds,omitempty"`
	Report *importReport `json:"report,omitempty"`
}

type importReport struct {
	Source struct {
		Version string `json:"version"`
	} `json:"source"`
	Counts map[string]struct {
		Found     int64 `json:"found"`
		Copied    int64 `json:"copied"`
		Updated   int64 `json:"updated"`
		Already   int64 `json:"already"`
		Different int64 `json:"different"`
		Failed    int64 `json:"failed"`
	} `json:"counts"`
	Points   int64 `json:"points"`
	Bytes    int64 `json:"bytes"`
	Verified map[string]struct {
		Compared  int64 `json:"compared"`
		Different int64 `json:"different"`
	} `json:"verified"`
	Findings []struct {
		Kind    string `json:"kind"`
		ID      string `json:"id"`
		Outcome string `json:"outcome"`
		Reason  string `json:"reason"`
	} `json:"findings"`
	Omitted    int64    `json:"omitted"`
	NotCarried []string `json:"not_carried"`
}

func (c *client) importOf(ctx context.Context, id string, raw *json.RawMessage) (importIn, error) {
	var i importIn
	if err := c.call(ctx, http.MethodGet, "/imports/"+url.PathEscape(id), nil, nil, raw); err != nil {
		return i, err
	}
	if err := json.Unmarshal(*raw, &i); err != nil {
		return i, fault.New(fault.Unavailable, "the server does not answer as this version expects")
	}
	return i, nil
}

// patience is how long a server may be away while an import is followed: it
// may be restarting, and the import goes on with it.
const patience = time.Minute

// followImport shows the progress of an import until it ends, and its report.
// Leaving it does not stop the import.
func (s *streams) followImport(ctx context.Context, c *client, id string) error {
	last, away := "", time.Time{}
	for {
		var raw json.RawMessage
		i, err := c.importOf(ctx, id, &raw)
		switch {
		case ctx.Err() != nil:
			fmt.Fprintf(s.err, "\nThe import goes on. Follow it with `assay import show %s --follow`, stop it with `assay job cancel %s`.\n", id, id)
			return nil
		case fault.Is(err, fault.Unavailable) && (away.IsZero() || time.Since(away) < patience):
			if away.IsZero() {
				away = time.Now()
			}
		case err != nil:
			return err
		default:
			away = time.Time{}
			last = s.showProgress(&i, last)
			if i.Job.Ended != nil {
				return s.endImport(&i, raw)
			}
		}
		select {
		case <-time.After(watchEvery / 2):
		case <-ctx.Done():
		}
	}
}

// showProgress writes where an import is, over the line before on a terminal.
func (s *streams) showProgress(i *importIn, last string) string {
	if s.json {
		return last
	}
	line := i.Job.State + " " + i.Job.progress()
	if i.Phase != nil {
		line = *i.Phase + "  " + i.Job.progress()
	}
	switch {
	case line == last:
	case s.terminal():
		fmt.Fprintf(s.err, "\r\x1b[K%s", line)
	case i.Phase != nil && !strings.HasPrefix(last, *i.Phase+"  "):
		fmt.Fprintln(s.err, line) // one line a phase where nobody watches
	}
	return line
}

func (s *streams) endImport(i *importIn, raw json.RawMessage) error {
	if s.terminal() {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if err := s.print(raw, i.write); err != nil {
		return err
	}
	if i.Job.State != "succeeded" {
		return fault.New(fault.State, "the import %s; `assay job retry %s` goes on where it stopped", i.Job.State, i.ID)
	}
	return nil
}

// write prints the report as tables.
func (i *importIn) write(w io.Writer) {
	i.Job.write(w)
	r := i.Report
	if r == nil {
		return
	}
	fmt.Fprintf(w, "MLflow %s\n\n", r.Source.Version)
	table(w, "KIND\tFOUND\tCOPIED\tUPDATED\tHERE ALREADY\tDIFFERENT\tFAILED\tCOMPARED\tNOT THE SAME", func(row func(cells ...any)) {
		for _, kind := range i.Kinds {
			c, found := r.Counts[kind]
			v, compared := r.Verified[kind]
			if !found && !compared {
				continue
			}
			cells := []any{strings.ReplaceAll(kind, "_", " "), "—", "—", "—", "—", "—", "—", "—", "—"}
			if found {
				copy(cells[1:], []any{c.Found, c.Copied, c.Updated, c.Already, c.Different, c.Failed})
			}
			if compared {
				copy(cells[7:], []any{v.Compared, v.Different})
			}
			row(cells...)
		}
	})
	fmt.Fprintf(w, "\n%d metric points and %s of artifacts copied\n", r.Points, size(r.Bytes))
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%s  %s %s: %s\n", f.Outcome, strings.ReplaceAll(f.Kind, "_", " "), f.ID, f.Reason)
	}
	if r.Omitted > 0 {
		fmt.Fprintf(w, "and %d more findings\n", r.Omitted)
	}
	if len(r.NotCarried) > 0 {
		fmt.Fprintf(w, "Not carried: %s.\n", strings.Join(r.NotCarried, "; "))
	}
}

// size writes bytes in the unit people read.
func size(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	f, u := float64(n), 0
	for f >= 1024 && u < len(units)-1 {
		f, u = f/1024, u+1
	}
	if u == 0 {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[u]
}
