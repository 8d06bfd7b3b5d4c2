package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/demo"
)

func newDemo(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Fill a running server with the sample: a finance assistant with its runs and traces",
		Args:  args(cobra.NoArgs),
	}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		header := c.header()
		header.Set("X-MLFLOW-WORKSPACE", c.workspace)
		shown := s.terminal()
		result, err := fill(cmd.Context(), c.base.String(), c.http, header, func(done, total int) {
			if shown {
				fmt.Fprintf(s.err, "\r%d/%d", done, total)
			}
		})
		if shown {
			fmt.Fprintln(s.err)
		}
		if err != nil {
			return err
		}
		return s.print(result, func(w io.Writer) {
			if result.Already {
				fmt.Fprintf(w, "The sample is there already: %s\n", c.base)
				return
			}
			fmt.Fprintf(w, "%d runs and %d traces of %q: %s\n", result.Runs, result.Traces, demo.Experiment, c.base)
		})
	}
	return cmd
}

func fill(ctx context.Context, url string, client *http.Client, header http.Header, progress demo.Progress) (demo.Result, error) {
	return demo.Fill(ctx, demo.Target{URL: url, Client: client, Header: header}, time.Now(), progress)
}
