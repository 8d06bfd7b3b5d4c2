// Command ui fills data directories that the interface's budgets are measured
// on. It writes through the real stores and is deterministic: the same options
// make the same runs, ids included.
//
//	go run ./bench/ui seed --data DIR --runs 100000
//
// Start `assay serve --data DIR` afterwards. The directory must be new.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "seed" {
		fmt.Fprintln(os.Stderr, "usage: ui seed --data DIR [--runs 100000] [--wide 12000] [--points 2000]")
		os.Exit(2)
	}
	flags := flag.NewFlagSet("seed", flag.ExitOnError)
	var o options
	flags.StringVar(&o.data, "data", "", "new data directory")
	flags.IntVar(&o.runs, "runs", 100_000, "runs of the experiment budget/sweep")
	flags.IntVar(&o.wide, "wide", 12_000, "params and metrics, together, of each run of budget/wide")
	flags.IntVar(&o.points, "points", 2_000, "points of each curve of budget/curves")
	flags.Parse(os.Args[2:])
	if o.data == "" {
		fmt.Fprintln(os.Stderr, "ui seed: --data is missing")
		os.Exit(2)
	}
	start := time.Now()
	if err := seed(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "ui seed:", err)
		os.Exit(1)
	}
	fmt.Printf("%d runs in %s, %v\n", o.runs, o.data, time.Since(start).Round(time.Second))
}
