package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/trace"
)

// disk sends the same traces over OTLP to Assay and to MLflow with its SQLite
// store, and prints what each keeps of them on disk per span.
func disk(ctx context.Context, cfg *config) error {
	dir, err := os.MkdirTemp(cfg.work, "observe-disk-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	requests, spans := otlpRequests(cfg.traces)
	sent := 0
	for _, r := range requests {
		sent += len(r)
	}
	fmt.Printf("%d traces, %d spans, %.0f bytes of protobuf a span\n", cfg.traces, spans, float64(sent)/float64(spans))
	ours, err := diskOf(ctx, filepath.Join(dir, "assay"), requests, func(data, port string) *exec.Cmd {
		return exec.CommandContext(ctx, cfg.assay, "serve", "--data", data, "--addr", "127.0.0.1:"+port, "--otlp-grpc-addr=", "--otlp-http-addr=")
	})
	if err != nil {
		return fmt.Errorf("assay: %w", err)
	}
	fmt.Printf("assay  %8.1f MB  %7.0f bytes a span, full text included\n", float64(ours)/1e6, float64(ours)/float64(spans))
	if cfg.mlflow == "" {
		return nil
	}
	theirs, err := diskOf(ctx, filepath.Join(dir, "mlflow"), requests, func(data, port string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, cfg.mlflow, "server", "--backend-store-uri", "sqlite:///"+filepath.Join(data, "mlflow.db"),
			"--artifacts-destination", filepath.Join(data, "artifacts"), "--host", "127.0.0.1", "--port", port, "--workers", "1")
		cmd.Env = append(os.Environ(), "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true")
		return cmd
	})
	if err != nil {
		return fmt.Errorf("mlflow: %w", err)
	}
	fmt.Printf("mlflow %8.1f MB  %7.0f bytes a span\nratio  %.2f\n", float64(theirs)/1e6, float64(theirs)/float64(spans), float64(theirs)/float64(ours))
	return nil
}

// otlpRequests encodes traces, fifty to a request.
func otlpRequests(traces int) (requests [][]byte, spans int) {
	m := newMaker(9)
	field := func(b []byte, num byte, body []byte) []byte {
		b = append(b, num<<3|2)
		b = binary.AppendUvarint(b, uint64(len(body)))
		return append(b, body...)
	}
	for n := 0; n < traces; n += 50 {
		var request []byte
		for i := n; i < min(n+50, traces); i++ {
			_, list := m.trace(i, time.Now().Add(-time.Duration(traces-i)*time.Second))
			var scope []byte
			for j := range list {
				scope = field(scope, 2, trace.AppendSpan(nil, &list[j]))
				spans++
			}
			resource := trace.AppendAttrs(nil, list[0].Source.Resource)
			request = field(request, 1, field(field(nil, 1, resource), 2, scope))
		}
		requests = append(requests, request)
	}
	return requests, spans
}

// diskOf starts a server on an empty directory, sends the requests, stops it,
// and returns what is on disk beyond the empty server's.
func diskOf(ctx context.Context, data string, requests [][]byte, command func(data, port string) *exec.Cmd) (int64, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return 0, err
	}
	stop, _, err := startServer(ctx, data, command)
	if err != nil {
		return 0, err
	}
	if err := stop(); err != nil {
		return 0, err
	}
	empty := diskUse(data)
	stop, base, err := startServer(ctx, data, command)
	if err != nil {
		return 0, err
	}
	for _, body := range requests {
		if err := post(ctx, base+"/v1/traces", body); err != nil {
			return 0, errors.Join(err, stop())
		}
	}
	time.Sleep(5 * time.Second) // text and sums follow
	if err := stop(); err != nil {
		return 0, err
	}
	return diskUse(data) - empty, nil
}

func startServer(ctx context.Context, data string, command func(data, port string) *exec.Cmd) (stop func() error, base string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	cmd := command(data, port)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	stop = func() error {
		cmd.Process.Signal(os.Interrupt)
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
			<-done
		}
		return nil
	}
	base = "http://127.0.0.1:" + port
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		res, err := http.Get(base + "/health")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return stop, base, nil
			}
		}
		if time.Now().After(deadline) {
			stop()
			return nil, "", fmt.Errorf("does not answer: %s", strings.TrimSpace(out.String()))
		}
	}
}

func post(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("x-mlflow-experiment-id", "0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 2000))
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, said)
	}
	return nil
}
