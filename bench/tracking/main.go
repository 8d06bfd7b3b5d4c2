// Command tracking runs stock MLflow and Assay side by side: the same load, in
// one run, in turns, on fresh data, and prints both figures, their ratio and
// the bar that Assay is held to.
//
//	go run ./bench/tracking --mlflow PATH/TO/mlflow [--assay bin/assay]
//	    [--only log-batch,search] [--seconds N] [--repeats N] [--json FILE]
//	    [--markdown FILE]
//
// Without --mlflow only Assay is measured. The load comes from this process,
// on the same cores as the servers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// config is what the command line chose.
type config struct {
	assay, mlflow string // binaries; mlflow may be ""
	only          []string
	seconds       time.Duration // of each load
	repeats       int
	work          string // directory for the servers' data; emptied afterwards
	keep          bool

	runs        int // of the search measure
	searches    int // for each order and size
	artifactMiB int
	perTrace    int // spans of a trace in the OTLP measure
	spans       int // in the store that the start measure fills

	json, markdown string
}

// bench is one run of the command.
type bench struct {
	config
	report *report
}

// measures are the things measured, in the order they run.
var measures = []struct {
	name, about string
	run         func(context.Context, *bench) error
}{
	{"start", "start time and idle memory, empty and with 30 partitions and a million spans", measureStart},
	{"log-batch", "log-batch of 10 metrics and 1 param, and of 1,000 metrics, over 16 connections", measureLogBatch},
	{"search", "run search with a metric filter over 20,000 runs", measureSearch},
	{"otlp", "OTLP over HTTP: durable spans a second, full text behind", measureOTLP},
	{"wide-trace", "a trace of 32,843 spans: skeleton and all of it", measureWideTrace},
	{"artifact", "a 3 GiB artifact up and down", measureArtifact},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench/tracking:", err)
		os.Exit(1)
	}
}

func parse(args []string) (config, error) {
	var c config
	flags := flag.NewFlagSet("tracking", flag.ContinueOnError)
	flags.StringVar(&c.assay, "assay", "bin/assay", "Assay's binary")
	flags.StringVar(&c.mlflow, "mlflow", "", "stock mlflow's command, in the environment that has it; empty measures Assay alone")
	only := flags.String("only", "", "comma-separated measures; empty is all")
	seconds := flags.Float64("seconds", 10, "seconds of each load")
	flags.IntVar(&c.repeats, "repeats", 3, "turns of each server")
	flags.StringVar(&c.work, "dir", "", "where the servers keep their data; empty is a new temporary directory")
	flags.BoolVar(&c.keep, "keep", false, "keep that data")
	flags.IntVar(&c.runs, "runs", 20_000, "runs that are searched")
	flags.IntVar(&c.searches, "searches", 200, "searches for each order and size")
	flags.IntVar(&c.artifactMiB, "artifact-mib", 3072, "size of the artifact")
	flags.IntVar(&c.perTrace, "spans-per-trace", 10, "spans of a trace in the OTLP measure")
	flags.IntVar(&c.spans, "spans", 1_000_000, "spans of the store that the start measure fills")
	flags.StringVar(&c.json, "json", "", "write the figures to this file too; with --only, those of other measures that are in it stay")
	flags.StringVar(&c.markdown, "markdown", "", "write them as Markdown to this file too")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	c.seconds = time.Duration(*seconds * float64(time.Second))
	if *only != "" {
		c.only = strings.Split(*only, ",")
	}
	for _, name := range c.only {
		if !slices.Contains(names(), name) {
			return c, fmt.Errorf("there is no measure %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	if c.seconds <= 0 || c.repeats < 1 || c.perTrace < 1 || c.perTrace > requestSpans {
		return c, fmt.Errorf("seconds and repeats must be positive, spans-per-trace from 1 to %d", requestSpans)
	}
	for _, path := range []*string{&c.assay, &c.mlflow} {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return c, err
		}
		if _, err := os.Stat(abs); err != nil {
			return c, err
		}
		*path = abs
	}
	return c, nil
}

func names() []string {
	var out []string
	for _, m := range measures {
		out = append(out, m.name)
	}
	return out
}

func run(ctx context.Context, args []string) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	if c.work == "" {
		if c.work, err = os.MkdirTemp("", "assay-bench"); err != nil {
			return err
		}
	}
	if !c.keep {
		defer os.RemoveAll(c.work)
	}
	b := &bench{config: c, report: newReport(ctx, c)}
	if len(c.only) > 0 {
		if err := b.report.resume(c); err != nil {
			return err
		}
	}
	fmt.Println(b.report.Machine)
	var failed []error
	for _, m := range measures {
		if len(c.only) > 0 && !slices.Contains(c.only, m.name) {
			continue
		}
		fmt.Printf("\n%s: %s\n", m.name, m.about)
		began := time.Now()
		if err := m.run(ctx, b); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", m.name, err))
			fmt.Println("  failed:", err)
		}
		fmt.Printf("  (%.0f s)\n", time.Since(began).Seconds())
		if err := b.report.save(c); err != nil {
			return err
		}
		if ctx.Err() != nil {
			break // what there is so far is still worth seeing
		}
	}
	fmt.Println()
	b.report.print(os.Stdout)
	return errors.Join(failed...)
}

// dir makes an empty directory for a server of a measure.
func (b *bench) dir(name string) (string, error) {
	path := filepath.Join(b.work, name)
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	return path, os.MkdirAll(path, 0o755)
}

// say reports progress.
func say(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }
