package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/telemetry"
)

// dataFlags declares the options that choose the data a command works on; they
// are the server's, with the same environment and file.
func dataFlags(flags *pflag.FlagSet) {
	for _, o := range app.Options() {
		switch o.Name {
		case "data", "database":
			flags.String(o.Name, o.Default, o.Usage)
		}
	}
	flags.String("config", "", "configuration file (YAML)")
}

// dataConfig reads the options of dataFlags.
func dataConfig(cmd *cobra.Command) (app.Config, error) {
	cfg, err := loadConfig(cmd.Flags())
	if err != nil {
		return cfg, usageError{err}
	}
	return cfg, nil
}

// quietLog keeps warnings and errors of a command that needs no server.
func quietLog(s *streams) *slog.Logger {
	log, err := telemetry.NewLog(s.err, telemetry.LogConfig{Level: "warn", Format: "text"})
	if err != nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

// withData runs fn on the data that the command's options choose, as the
// system itself in the workspace of --workspace.
func withData(cmd *cobra.Command, s *streams, fn func(ctx context.Context, d *app.Data) error) error {
	cfg, err := dataConfig(cmd)
	if err != nil {
		return err
	}
	d, err := app.OpenData(cmd.Context(), cfg, quietLog(s))
	if err != nil {
		return err
	}
	defer d.Close()
	ctx := cmd.Context()
	who := caller.From(ctx)
	if f := cmd.Flags().Lookup("workspace"); f != nil {
		who.Workspace = f.Value.String()
	}
	return fn(caller.With(ctx, who), d)
}

func workspaceFlag(cmd *cobra.Command) {
	cmd.Flags().StringP("workspace", "w", caller.DefaultWorkspace, "workspace")
}
