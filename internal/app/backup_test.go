package app

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// boot starts a whole server on data and returns it with its base URL.
func boot(t *testing.T, data string) (*App, string) {
	t.Helper()
	cfg, err := Load(Sources{Env: env(nil), Flags: map[string]string{"addr": "127.0.0.1:0", "data": data, "otlp-grpc-addr": "", "otlp-http-addr": ""}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler), "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Stop(context.Background()) })
	return a, a.URL()
}

func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const span = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","name":"step %d","startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`

func writeTrace(t *testing.T, url string, n int) {
	t.Helper()
	now := time.Now().UnixNano()
	if status, body := call(t, "POST", url+"/v1/traces", fmt.Sprintf(span, n, n, n, now, now+1000)); status != 200 {
		t.Errorf("trace %d: %d %s", n, status, body)
	}
}

// TestBackupOfALiveServer takes a backup while traces are written and finds
// everything that was acknowledged before it began.
func TestBackupOfALiveServer(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	a, url := boot(t, data)
	const before = 30
	for i := range before {
		writeTrace(t, url, i+1)
	}
	if _, err := a.blobs.Put(t.Context(), "0/run/artifacts/model.bin", strings.NewReader("weights")); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := before + 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				writeTrace(t, url, i)
			}
		}
	})
	target := filepath.Join(dir, "backup.tar")
	m, err := Backup(t.Context(), a.cfg, target, "test", time.Now())
	close(stop)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(dir, "restored")
	if _, err := Restore(t.Context(), target, restored); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".assay-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	b, url := boot(t, restored)
	for i := range before {
		status, body := call(t, "GET", fmt.Sprintf("%s/api/assay/v1/w/default/traces/tr-%032x/skeleton", url, i+1), "")
		if status != 200 || !strings.Contains(body, fmt.Sprintf("step %d", i+1)) {
			t.Fatalf("trace %d after the restore: %d %.300s", i+1, status, body)
		}
		status, body = call(t, "GET", fmt.Sprintf("%s/api/assay/v1/w/default/traces/tr-%032x/spans/%016x", url, i+1, i+1), "")
		if status != 200 {
			t.Fatalf("payload of trace %d after the restore: %d %.300s", i+1, status, body)
		}
	}
	r, err := b.blobs.Open(t.Context(), "0/run/artifacts/model.bin", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if text, err := io.ReadAll(r); err != nil || string(text) != "weights" {
		t.Errorf("artifact %q, %v", text, err)
	}
	writeTrace(t, url, 1_000_000) // and it goes on
	t.Logf("%d files, %d bytes", len(m.Files), m.Bytes())
}

// tarOf makes a tar file of name, text pairs.
func tarOf(entries ...string) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := 0; i < len(entries); i += 2 {
		w.WriteHeader(&tar.Header{Name: entries[i], Size: int64(len(entries[i+1])), Mode: 0o600})
		io.WriteString(w, entries[i+1])
	}
	w.Close()
	return buf.Bytes()
}

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestRestoreRefusesDamage(t *testing.T) {
	good := tarOf("control.db", "", manifestName, `{"format":1,"files":{"control.db":{"size":0,"sha256":"`+emptySum+`"}}}`)
	for name, data := range map[string][]byte{
		"nothing":                nil,
		"no tar":                 []byte("hello"),
		"no manifest":            tarOf("control.db", ""),
		"cut off":                good[:600],
		"a changed file":         tarOf("control.db", "x", manifestName, `{"format":1,"files":{"control.db":{"size":0,"sha256":"`+emptySum+`"}}}`),
		"a missing file":         tarOf(manifestName, `{"format":1,"files":{"control.db":{"size":0,"sha256":"`+emptySum+`"}}}`),
		"a file too many":        tarOf("control.db", "", "more", "", manifestName, `{"format":1,"files":{"control.db":{"size":0,"sha256":"`+emptySum+`"}}}`),
		"a path outside":         tarOf("../control.db", "", manifestName, `{"format":1}`),
		"an absolute path":       tarOf("/etc/x", "", manifestName, `{"format":1}`),
		"a file twice":           tarOf("control.db", "", "control.db", "", manifestName, `{"format":1}`),
		"another format":         tarOf("control.db", "", manifestName, `{"format":9}`),
		"a manifest of no sense": tarOf("control.db", "", manifestName, `[`),
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "b.tar")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Restore(t.Context(), file, filepath.Join(dir, "to"))
		if !fault.Is(err, fault.State) && !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(tarOf("control.db", "", manifestName, `{"format":1,"files":{"control.db":{"size":0,"sha256":"`+emptySum+`"}}}`))
	f.Add(tarOf("../x", "y"))
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		in := filepath.Join(dir, "in")
		if err := os.Mkdir(in, 0o700); err != nil {
			t.Fatal(err)
		}
		unpack(t.Context(), bytes.NewReader(data), in)
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("written outside: %v", entries)
		}
	})
}

// TestStopEndsEventStreams keeps an event stream open while the server stops.
func TestStopEndsEventStreams(t *testing.T) {
	a, url := boot(t, t.TempDir())
	resp, err := http.Get(url + "/api/assay/v1/events?ws=default")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	ended := make(chan error)
	go func() { _, err := io.ReadAll(resp.Body); ended <- err }()
	if err := a.Stop(t.Context()); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the stream was cut: %v", err)
	}
}
