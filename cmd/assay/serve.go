package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/telemetry"
)

func newServe(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start the server",
		Long: `Start the server. Every option is a flag, an environment variable (--otlp-grpc-addr
is ASSAY_OTLP_GRPC_ADDR) or a key of the configuration file (otlp-grpc-addr: …);
the flag wins over the environment, the environment over the file.`,
		Example: `  assay serve
  assay serve --addr 127.0.0.1:8080 --data /var/lib/assay
  assay serve --database postgres://assay@db/assay --artifacts "s3://bucket?region=eu-west-1"`,
		Args: args(cobra.NoArgs),
	}
	serverFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := loadConfig(cmd.Flags())
		if err != nil {
			return usageError{err}
		}
		return serve(cmd.Context(), s, cfg)
	}
	return cmd
}

// serverFlags declares every option of the server.
func serverFlags(flags *pflag.FlagSet) {
	for _, o := range app.Options() {
		if o.Bool {
			flags.Bool(o.Name, o.Default == "true", o.Usage)
		} else {
			flags.String(o.Name, o.Default, o.Usage)
		}
	}
	flags.String("config", "", "configuration file (YAML)")
}

// loadConfig chooses the options' values from the flags that were given, the
// environment and the file.
func loadConfig(flags *pflag.FlagSet) (app.Config, error) {
	src := app.Sources{Flags: map[string]string{}, Env: os.LookupEnv}
	flags.Visit(func(f *pflag.Flag) { src.Flags[f.Name] = f.Value.String() })
	if f := flags.Lookup("config"); f != nil {
		src.File = f.Value.String()
	}
	if src.File == "" {
		src.File = os.Getenv(app.EnvName("config"))
	}
	return app.Load(src)
}

func serve(ctx context.Context, s *streams, cfg app.Config) error {
	began := time.Now()
	log, err := telemetry.NewLog(os.Stderr, telemetry.LogConfig{Level: cfg.LogLevel, Format: cfg.LogFormat})
	if err != nil {
		return usageError{err}
	}
	a, err := app.New(ctx, cfg, log, buildVersion())
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	ready := struct {
		URL     string `json:"url"`
		Data    string `json:"data"`
		Version string `json:"version"`
		Millis  int64  `json:"started_in_ms"`
	}{a.URL(), cfg.Data, buildVersion(), time.Since(began).Milliseconds()}
	s.print(ready, func(w io.Writer) { fmt.Fprintf(w, "Assay is ready at %s (data in %s)\n", ready.URL, ready.Data) })
	if cfg.Demo {
		go func() {
			if _, err := fill(ctx, "http://"+a.Addr(), http.DefaultClient, nil, nil); err != nil && ctx.Err() == nil {
				log.Warn("the sample could not be written", "error", err)
			}
		}()
	}
	select {
	case <-ctx.Done():
		log.Info("stopping")
		return a.Stop(context.WithoutCancel(ctx))
	case err := <-a.Failed():
		a.Stop(context.WithoutCancel(ctx))
		return err
	}
}
