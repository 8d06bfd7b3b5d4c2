package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

func newExport(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "export", Short: "Download traces for other tools"}
	cmd.AddCommand(newExportTraces(s))
	return cmd
}

func newExportTraces(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "traces",
		Short: "Download traces as Parquet or OTLP",
		Long: `Download the spans of the traces that match, newest trace first. The file
appears when it is whole. Formats: parquet (one row a span), otlp-json (one
ExportTraceServiceRequest a line), otlp-proto (each after its length as a
varint).`,
		Args: args(cobra.NoArgs),
	}
	clientFlags(cmd)
	cmd.Flags().String("format", "parquet", "parquet, otlp-json or otlp-proto")
	cmd.Flags().StringP("output", "o", "", "file to write; - is standard output")
	cmd.Flags().String("filter", "", "only traces that match")
	cmd.Flags().StringSlice("experiment", nil, "only of these experiments")
	cmd.Flags().Duration("last", 0, "only of the last such time, as 24h")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		format, _ := cmd.Flags().GetString("format")
		in := map[string]any{"format": format}
		in["filter"], _ = cmd.Flags().GetString("filter")
		in["experiment_ids"], _ = cmd.Flags().GetStringSlice("experiment")
		if last, _ := cmd.Flags().GetDuration("last"); last > 0 {
			in["from_ms"] = time.Now().Add(-last).UnixMilli()
		}
		target, _ := cmd.Flags().GetString("output")
		if target == "" {
			return usageError{fault.Invalidf("name the file with --output, or - for standard output")}
		}
		return s.download(cmd, c, "/traces/export", in, target)
	}
	return cmd
}

// download writes an answer to a file that appears when it is whole.
func (s *streams) download(cmd *cobra.Command, c *client, path string, in any, target string) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	u := strings.TrimSuffix(c.base.String(), "/") + "/api/assay/v1/w/" + url.PathEscape(c.workspace) + path
	req, err := http.NewRequestWithContext(cmd.Context(), http.MethodPost, u, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = c.header()
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req) // without the time limit of small calls
	if err != nil {
		return fault.Wrap(fault.Unavailable, "", err, "no server answers at %s", c.base)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		return answered(resp.StatusCode, data, c.base)
	}
	if target == "-" {
		_, err = io.Copy(s.out, resp.Body)
		return fault.Wrap(fault.Unavailable, "", err, "the download broke off")
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".assay-export-")
	if err != nil {
		return fault.Wrap(fault.Unavailable, "", err, "cannot write beside %s", target)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	n, err := io.Copy(&told{w: f, s: s}, resp.Body)
	if s.terminal() {
		fmt.Fprint(s.err, "\r")
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, "", err, "the download broke off after %d bytes; nothing was kept", n)
	}
	if err := f.Close(); err != nil {
		return fault.Wrap(fault.Unavailable, "", err, "%s could not be written to its end", target)
	}
	if err := os.Rename(f.Name(), target); err != nil {
		return fault.Wrap(fault.Unavailable, "", err, "cannot write %s", target)
	}
	return s.print(map[string]any{"file": target, "bytes": n}, func(w io.Writer) { fmt.Fprintf(w, "%s: %d bytes\n", target, n) })
}

// told says how far a download is, to a person who watches.
type told struct {
	w    io.Writer
	s    *streams
	n    int64
	last time.Time
}

func (t *told) Write(b []byte) (int, error) {
	n, err := t.w.Write(b)
	t.n += int64(n)
	if t.s.terminal() && time.Since(t.last) > 200*time.Millisecond {
		t.last = time.Now()
		fmt.Fprintf(t.s.err, "\r%.1f MB", float64(t.n)/1e6)
	}
	return n, err
}
