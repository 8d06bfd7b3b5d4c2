// Command assay is the server and its command line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/assayhq/assay/internal/fault"
)

// version is set by the linker in released binaries.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes: 0 done, 1 failed, 2 the command line is wrong.
const (
	exitDone = iota
	exitFailed
	exitUsage
)

// usageError is a command line that cobra or a command refused.
type usageError struct{ error }

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	json     bool
}

func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	io := &streams{in: in, out: out, err: errOut}
	root := newRoot(io)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	message := fault.Message(err)
	if _, isFault := errors.AsType[*fault.Error](err); !isFault {
		message = err.Error()
	}
	code, usage := exitFailed, usageError{}
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") {
		code = exitUsage
		message += "\nRun `assay " + commandPath(root, args) + "--help` for its use."
	}
	if io.json {
		json.NewEncoder(errOut).Encode(map[string]string{"error": message, "kind": fault.KindOf(err).String()})
	} else {
		fmt.Fprintln(errOut, "assay: "+message)
	}
	return code
}

func commandPath(root *cobra.Command, args []string) string {
	cmd, _, err := root.Find(args)
	if err != nil || cmd == root {
		return ""
	}
	return strings.TrimPrefix(cmd.CommandPath(), "assay ") + " "
}

func newRoot(io *streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "assay",
		Short: "Trace, judge, review and ship models and agents, self-hosted",
		Long: `Assay is one self-hosted server for the loop of teams that build with models:
experiments, runs, traces, models and prompts. Stock MLflow clients and
OpenTelemetry exporters use it as their server.

    assay serve        start it, then open http://127.0.0.1:5000`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().BoolVar(&io.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newServe(io), newDemo(io), newTrace(io), newSession(io), newMonitor(io), newExperiment(io), newRun(io),
		newModel(io), newPrompt(io), newAudit(io), newImport(io), newJob(io), newAlert(io), newChannel(io), newUser(io), newToken(io), newWorkspace(io),
		newMCP(io), newBackup(io), newRestore(io), newMigrate(io), newVersion(io))
	root.AddCommand(newMask(io), newRetention(io), newPurge(io), newExport(io)) // care of the data
	return root
}

// args turns cobra's complaint into a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := check(cmd, given); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// terminal reports whether a person watches what goes to err.
func (s *streams) terminal() bool {
	f, ok := s.err.(*os.File)
	return ok && !s.json && term.IsTerminal(int(f.Fd()))
}

// print writes v as JSON with --json, else what text writes.
func (s *streams) print(v any, text func(w io.Writer)) error {
	if !s.json {
		text(s.out)
		return nil
	}
	enc := json.NewEncoder(s.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// buildVersion is the linker's version, else the one Go's tool chain recorded.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "dev-" + s.Value[:12]
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "dev"
}
