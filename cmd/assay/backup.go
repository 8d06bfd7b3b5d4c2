package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/app"
)

func newBackup(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write all data into one file, also while a server runs",
		Example: `  assay backup assay-2026-03-01.tar
  assay restore assay-2026-03-01.tar --data ./copy`,
		Args: args(cobra.ExactArgs(1)),
	}
	dataFlags(cmd.Flags())
	cmd.Flags().String("artifacts", "", "where artifacts are, if not in data")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		cfg, err := dataConfig(cmd)
		if err != nil {
			return err
		}
		m, err := app.Backup(cmd.Context(), cfg, filepath.Clean(given[0]), buildVersion(), time.Now())
		if err != nil {
			return err
		}
		return s.printBackup(m, given[0], "written to "+given[0])
	}
	return cmd
}

func newRestore(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Fill a new data directory from a backup",
		Long: `Fill a new data directory from a backup, after checking every byte of it and every
database in it. The directory must be empty or not exist.`,
		Args: args(cobra.ExactArgs(1)),
	}
	dataFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		cfg, err := dataConfig(cmd)
		if err != nil {
			return err
		}
		m, err := app.Restore(cmd.Context(), given[0], cfg.Data)
		if err != nil {
			return err
		}
		return s.printBackup(m, given[0], "restored to "+cfg.Data)
	}
	return cmd
}

func (s *streams) printBackup(m *app.Manifest, file, done string) error {
	out := struct {
		File    string    `json:"file"`
		Version string    `json:"version"`
		Taken   time.Time `json:"taken"`
		Files   int       `json:"files"`
		Bytes   int64     `json:"bytes"`
		Left    []string  `json:"left,omitempty"`
	}{file, m.Version, m.Taken, len(m.Files), m.Bytes(), m.Left}
	return s.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "%d files, %d bytes %s\n", out.Files, out.Bytes, done)
		for _, l := range m.Left {
			fmt.Fprintln(w, "not included: "+l)
		}
	})
}
