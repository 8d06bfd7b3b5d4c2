package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"assay": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs the scripts of testdata/script, which say how the command
// line behaves. Beside testscript's own commands they have
//
//	ready URL         waits until the server at URL is healthy
//	status CODE URL   makes a GET request and compares the status
//	first NOUN        sets $FIRST and $SECOND to the newest two that
//	                  $ASSAY_SERVER lists of NOUN (trace or run)
//
// and $ADDR, a free address.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer l.Close()
			env.Setenv("ADDR", l.Addr().String())
			env.Setenv("ASSAY_OTLP_GRPC_ADDR", "")
			env.Setenv("ASSAY_OTLP_HTTP_ADDR", "")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ready": func(ts *testscript.TestScript, _ bool, args []string) {
				for range 300 {
					if resp, err := http.Get(args[0] + "/health"); err == nil {
						resp.Body.Close()
						return
					}
					time.Sleep(50 * time.Millisecond)
				}
				ts.Fatalf("no server at %s", args[0])
			},
			"first": func(ts *testscript.TestScript, _ bool, args []string) {
				var out, errOut strings.Builder
				list := []string{args[0], "list", "--limit", "2", "--server", ts.Getenv("ASSAY_SERVER")}
				if run(t.Context(), list, strings.NewReader(""), &out, &errOut) != exitDone {
					ts.Fatalf("assay %s list: %s", args[0], errOut.String())
				}
				for i, l := range strings.Split(strings.TrimSpace(out.String()), "\n")[1:] {
					ts.Setenv([]string{"FIRST", "SECOND"}[i], strings.Fields(l)[0])
				}
			},
			"status": func(ts *testscript.TestScript, _ bool, args []string) {
				resp, err := http.Get(args[1])
				ts.Check(err)
				resp.Body.Close()
				if got := resp.Status[:3]; got != args[0] {
					ts.Fatalf("GET %s: %s, want %s", args[1], resp.Status, args[0])
				}
			},
		},
	})
}
