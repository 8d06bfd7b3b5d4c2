package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/wire/mlflow"
	"github.com/assayhq/assay/ui"
)

func newVersion(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version string `json:"version"`
				MLflow  string `json:"mlflow"`
				Go      string `json:"go"`
				System  string `json:"system"`
				UI      bool   `json:"ui"`
			}{buildVersion(), mlflow.ClientVersion, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, ui.Built()}
			return s.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "assay %s (MLflow %s, %s, %s)\n", v.Version, v.MLflow, v.Go, v.System)
			})
		},
	}
}
