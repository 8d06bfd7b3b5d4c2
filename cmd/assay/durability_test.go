package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNoAcknowledgementBeforeItsSync watches the system calls of a server. For
// each acknowledged write it asks that the files which hold it were written,
// then synced, and only then was the answer sent: killing a process cannot show
// this, because what the kernel holds survives the process.
func TestNoAcknowledgementBeforeItsSync(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed")
	}
	if err := exec.Command("strace", "-o", os.DevNull, "true").Run(); err != nil {
		t.Skipf("strace may not trace here: %v", err)
	}
	if testing.Short() {
		t.Skip("starts a server; not in -short")
	}
	bin, data := buildBinary(t), t.TempDir()
	log := filepath.Join(t.TempDir(), "calls")
	s := startServer(t, bin, data, "strace", "-f", "-y", "-s", "8192", "-o", log,
		"-e", "trace=write,pwrite64,writev,fsync,fdatasync")
	var made struct {
		Run struct {
			Info struct {
				RunID string `json:"run_id"`
			}
		}
	}
	if err := s.call("POST", "/api/2.0/mlflow/runs/create", map[string]any{"experiment_id": "0"}, &made); err != nil {
		t.Fatal(err)
	}
	const n = 20
	for i := range n {
		err := s.call("POST", "/api/2.0/mlflow/runs/log-batch", map[string]any{"run_id": made.Run.Info.RunID,
			"params": []any{map[string]any{"key": fmt.Sprintf("p%d", i), "value": marker("run", i)}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = s.call("POST", "/v1/traces", map[string]any{"resourceSpans": []any{map[string]any{"scopeSpans": []any{map[string]any{"spans": []any{map[string]any{
			"traceId": fmt.Sprintf("%032x", 4096+i), "spanId": fmt.Sprintf("%016x", 1+i), "name": marker("span", i),
			"startTimeUnixNano": fmt.Sprint(time.Now().UnixNano()), "endTimeUnixNano": fmt.Sprint(time.Now().UnixNano())}}}}}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	s.cmd.Process.Signal(syscall.SIGTERM) // strace passes it on by ending its tracee
	exec.Command("pkill", "-TERM", "-P", fmt.Sprint(s.cmd.Process.Pid)).Run()
	s.cmd.Wait()
	calls := readCalls(t, log, data)
	if got := checkMarkers(t, calls, "run", "control.db-wal"); got != n {
		t.Errorf("%d of %d run writes seen in the system calls", got, n)
	}
	if got := checkTraces(t, calls); got < n {
		t.Errorf("%d of %d trace writes seen in the system calls", got, n)
	}
}

// marker is a text that is found again in what is written to a file.
func marker(kind string, i int) string { return fmt.Sprintf("marker-%s-%04d", kind, i) }

// call is one completed system call that matters.
type syscallLine struct {
	kind string // write, sync, answer
	file string // base name; for packs their extension is enough
	text string
	line int // where it began
}

var callLine = regexp.MustCompile(`^(\d+) +(write|pwrite64|writev|fsync|fdatasync)\(\d+<([^>]*)>(.*)`)

// readCalls lists the calls in the order in which they ended, but answers
// where they began: an answer counts from its first byte.
func readCalls(t *testing.T, log, data string) []syscallLine {
	t.Helper()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pending := map[string]syscallLine{} // by thread
	var out []syscallLine
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for line := 0; sc.Scan(); line++ {
		pid, _, _ := strings.Cut(sc.Text(), " ")
		if strings.Contains(sc.Text(), " resumed>") {
			if c, ok := pending[pid]; ok {
				out = append(out, c)
				delete(pending, pid)
			}
			continue
		}
		m := callLine.FindStringSubmatch(sc.Text())
		if m == nil {
			continue
		}
		c := syscallLine{file: filepath.Base(m[3]), text: m[4], line: line}
		switch {
		case strings.HasPrefix(m[3], "TCP") || strings.HasPrefix(m[3], "socket"):
			if !strings.Contains(m[4], `"HTTP/1.1 200`) {
				continue
			}
			c.kind = "answer"
		case !strings.HasPrefix(m[3], data):
			continue
		case strings.Contains(m[2], "sync"):
			c.kind = "sync"
		default:
			c.kind = "write"
		}
		if c.kind != "answer" && strings.Contains(m[4], "<unfinished") {
			pending[pid] = c
			continue
		}
		out = append(out, c)
	}
	return out
}

// checkMarkers finds each marker's write to file and asks for a sync of that
// file, begun after the write, before the next answer.
func checkMarkers(t *testing.T, calls []syscallLine, kind, file string) (found int) {
	t.Helper()
	for i := 0; ; i++ {
		at := -1
		for j, c := range calls {
			if c.kind == "write" && c.file == file && strings.Contains(c.text, marker(kind, i)) {
				at = j
				break // the first write of it is the one acknowledged
			}
		}
		if at < 0 {
			return found
		}
		found++
		synced := false
		for _, c := range calls[at+1:] {
			if c.kind == "sync" && c.file == file && c.line > calls[at].line {
				synced = true
			}
			if c.kind == "answer" {
				break
			}
		}
		if !synced {
			t.Errorf("%s was acknowledged before %s was synced", marker(kind, i), file)
		}
	}
}

// checkTraces asks of every answer that every file of traces written since the
// answer before it was synced after its last write. Requests come one at a
// time. Full text is written after the acknowledgement and left out.
func checkTraces(t *testing.T, calls []syscallLine) (found int) {
	t.Helper()
	dirty, wrote := map[string]bool{}, map[string]bool{}
	for _, c := range calls {
		trace := strings.HasSuffix(c.file, ".pack") || strings.HasPrefix(c.file, "spans.db-wal") || strings.HasPrefix(c.file, "traces.db-wal")
		switch {
		case c.kind == "write" && trace:
			dirty[c.file], wrote[c.file] = true, true
		case c.kind == "sync":
			delete(dirty, c.file)
		case c.kind == "answer":
			if len(wrote) >= 3 {
				found++
			}
			for f := range dirty {
				t.Errorf("an answer left before %s was synced", f)
			}
			clear(wrote)
		}
	}
	return found
}
