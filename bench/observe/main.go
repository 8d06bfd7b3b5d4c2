// Command observe measures the pages of Observe on a large store: it fills a
// data directory with traces over thirty days, through the store that the
// server uses, and asks what the pages ask.
//
//	go run ./bench/observe seed   --data DIR [--traces 1000000]
//	go run ./bench/observe ask    --data DIR [--repeats 40] [--only list]
//	go run ./bench/observe delete --data DIR [--traces 100000]
//	go run ./bench/observe disk   --mlflow PATH [--assay bin/assay] [--traces 3000]
//	go run ./bench/observe loop
//
// seed is the same every time but for the day it ends on. The directory is one
// that `assay serve --data DIR` serves. delete changes it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/assayhq/assay/internal/price"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracing/normalise"
)

// config is what the command line chose.
type config struct {
	data          string
	traces        int
	repeats       int
	only          string
	mlflow, assay string
	work          string
}

var commands = map[string]struct {
	run    func(context.Context, *config) error
	traces int // default
}{
	"seed": {seed, 1_000_000}, "ask": {ask, 0}, "delete": {remove, 100_000}, "disk": {disk, 3000}, "loop": {loop, 20},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "observe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("say seed, ask, delete, disk or loop")
	}
	c, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("there is no command %q; say seed, ask, delete, disk or loop", args[0])
	}
	var cfg config
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&cfg.data, "data", "", "data directory")
	flags.IntVar(&cfg.traces, "traces", c.traces, "traces to make or delete")
	flags.IntVar(&cfg.repeats, "repeats", 40, "times each question is asked")
	flags.StringVar(&cfg.only, "only", "", "questions whose name holds this")
	flags.StringVar(&cfg.mlflow, "mlflow", "", "path of MLflow's command")
	flags.StringVar(&cfg.assay, "assay", "bin/assay", "path of Assay")
	flags.StringVar(&cfg.work, "work", os.TempDir(), "where the servers of disk keep their data")
	profile := flags.String("cpuprofile", "", "write a profile of the processor here")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if cfg.data == "" && args[0] != "disk" && args[0] != "loop" {
		return fmt.Errorf("--data is missing")
	}
	return c.run(ctx, &cfg)
}

// open opens a store with the domain over it, as the server does.
func open(ctx context.Context, dir string, now func() time.Time) (*sqlstore.Traces, *tracing.Service, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	st, err := sqlstore.OpenTraces(ctx, dir, log, sqlstore.TracesConfig{Now: now, TraceWatch: sqlstore.TraceWatch{StallAfter: 10 * time.Minute, LoopAfter: 5}})
	if err != nil {
		return nil, nil, err
	}
	prices, _ := price.Snapshot()
	service := tracing.New(st, log, tracing.Config{Now: now, Normalise: normalise.New().Apply, Version: normalise.Version,
		Price: func(provider, model string, at time.Time, t trace.Tokens) trace.Cost {
			p, ok := prices.Lookup(provider, model, at)
			if !ok {
				return trace.NoCost
			}
			return trace.Cost(p.Cost(price.Tokens(t)))
		}})
	return st, service, nil
}
