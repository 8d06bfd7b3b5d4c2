package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a server under test.
type process struct {
	name    string
	url     string
	dir     string        // its data
	started time.Duration // from exec to the first OK of /health
	cmd     *exec.Cmd
	exited  chan struct{}
}

// startAssay starts Assay on the data in dir.
func (b *bench) startAssay(ctx context.Context, dir string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return start(ctx, &process{name: "Assay", url: "http://" + addr, dir: dir}, time.Minute,
		b.assay, "serve", "--addr", addr, "--data", filepath.Join(dir, "data"), "--otlp-grpc-addr=", "--otlp-http-addr=")
}

// startMLflow starts stock MLflow as its documentation says, on SQLite and a
// local artifact directory in dir. workers 0 is its own default.
func (b *bench) startMLflow(ctx context.Context, dir string, workers int) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	args := []string{"server", "--host", "127.0.0.1", "--port", port,
		"--backend-store-uri", "sqlite:///" + filepath.Join(dir, "mlflow.db"),
		"--artifacts-destination", filepath.Join(dir, "artifacts")}
	name := "MLflow"
	if workers > 0 {
		args = append(args, "--workers", strconv.Itoa(workers))
		name = fmt.Sprintf("MLflow, %d worker", workers)
	}
	return start(ctx, &process{name: name, url: "http://" + addr, dir: dir}, 3*time.Minute, b.mlflow, args...)
}

// freeAddr finds a loopback port that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func start(ctx context.Context, p *process, patience time.Duration, command string, args ...string) (*process, error) {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(filepath.Join(p.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(command, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, out, out
	// Its own process group, so that workers can be counted and end with it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Env = append(os.Environ(), "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true")
	p.exited = make(chan struct{})
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
	if err := p.awaitHealth(ctx, patience); err != nil {
		p.stop()
		return nil, err
	}
	p.started = time.Since(began)
	return p, nil
}

func (p *process) awaitHealth(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/health", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK && strings.TrimSpace(string(body)) == "OK" {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not answer /health: %w\n%s", p.name, ctx.Err(), p.tail())
		case <-p.exited:
			return fmt.Errorf("%s ended at its start\n%s", p.name, p.tail())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// tail is the end of the server's own output.
func (p *process) tail() string {
	b, _ := os.ReadFile(filepath.Join(p.dir, "server.log"))
	return string(b[max(0, len(b)-2000):])
}

// stop ends the server and its workers. It may be called twice, and on nil.
func (p *process) stop() {
	if p == nil {
		return
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what outlived its parent
	<-p.exited
}

// memory returns the resident bytes of the server. Workers share pages, so of
// several processes the proportional sizes are added. 0 is unknown: there is no
// /proc.
func (p *process) memory() int64 {
	pids := members(p.cmd.Process.Pid)
	var sum int64
	for _, pid := range pids {
		file, key := "status", "VmRSS:"
		if len(pids) > 1 {
			file, key = "smaps_rollup", "Pss:"
		}
		b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
		for line := range bytes.Lines(b) {
			if rest, ok := bytes.CutPrefix(line, []byte(key)); ok {
				if f := bytes.Fields(rest); len(f) > 0 {
					kib, _ := strconv.ParseInt(string(f[0]), 10, 64)
					sum += kib << 10
				}
			}
		}
	}
	return sum
}

// settle waits until the server is idle. The first worker answers /health long
// before the others have started, and their start would take the cores from
// whoever has the first turn.
func (p *process) settle(ctx context.Context) {
	deadline := time.Now().Add(time.Minute)
	for quiet, last := 0, p.ticks(); quiet < 3 && ctx.Err() == nil && time.Now().Before(deadline); {
		time.Sleep(500 * time.Millisecond)
		now := p.ticks()
		if quiet++; now-last > 5 { // a tenth of a core
			quiet = 0
		}
		last = now
	}
}

// ticks is the processor time of the server so far, in hundredths of a second.
func (p *process) ticks() int64 {
	var sum int64
	for _, pid := range members(p.cmd.Process.Pid) {
		b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		// After the name: state ppid pgrp … utime and stime are 12th and 13th.
		if f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]); len(f) > 12 {
			for _, v := range f[11:13] {
				n, _ := strconv.ParseInt(string(v), 10, 64)
				sum += n
			}
		}
	}
	return sum
}

// members are the processes of a process group.
func members(group int) []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		// pid (name) state ppid pgrp …, and a name may hold spaces.
		f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(f) > 2 && string(f[2]) == strconv.Itoa(group) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// watch samples the server's memory until the returned function is called,
// which returns the highest sample.
func (p *process) watch() func() int64 {
	quit := make(chan struct{})
	highest := p.memory()
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				highest = max(highest, p.memory())
			}
		}
	})
	return func() int64 {
		close(quit)
		wg.Wait()
		return max(highest, p.memory())
	}
}
