package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/app"
)

func newMigrate(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the databases to this version's schema",
		Long: `Bring the databases to this version's schema. "assay serve" does the same when it
starts. Steps only add, so that an older server keeps working meanwhile.`,
		Args: args(cobra.NoArgs),
	}
	dry := cmd.Flags().Bool("dry-run", false, "list the steps and change nothing")
	dataFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := dataConfig(cmd)
		if err != nil {
			return err
		}
		steps, err := app.Migrate(cmd.Context(), cfg, quietLog(s), *dry)
		if err != nil {
			return err
		}
		if steps == nil {
			steps = []app.Migration{}
		}
		return s.print(steps, func(w io.Writer) {
			for _, m := range steps {
				fmt.Fprintf(w, "%s/%s\n", m.Set, m.Name)
			}
			switch {
			case len(steps) == 0:
				fmt.Fprintln(w, "nothing to do")
			case *dry:
				fmt.Fprintf(w, "%d steps would be applied\n", len(steps))
			default:
				fmt.Fprintf(w, "%d steps applied\n", len(steps))
			}
		})
	}
	return cmd
}
