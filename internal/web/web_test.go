package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/telemetry"
)

// start runs a server on a free port with mux and returns its base URL.
func start(t *testing.T, mux http.Handler, change func(*Config)) (*Server, string) {
	t.Helper()
	cfg := Config{
		Name: "test", Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics("test"),
		Open:         func() bool { return true },
		Authenticate: func(*http.Request) (caller.Caller, error) { return caller.Caller{User: "ada", Role: caller.Admin}, nil },
		Refuse: func(w http.ResponseWriter, _ *http.Request, err error) {
			status := map[fault.Kind]int{fault.Denied: 403, fault.Unauthenticated: 401, fault.Internal: 500}[fault.KindOf(err)]
			http.Error(w, fault.Message(err), status)
		},
	}
	if change != nil {
		change(&cfg)
	}
	s := NewServer(cfg, mux)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(context.Background()) })
	return s, "http://" + s.Addr()
}

func do(t *testing.T, method, url string, header map[string]string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		if k == "Host" {
			req.Host = v
		}
		req.Header.Set(k, v)
	}
	resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func answer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func TestGuardAgainstHostilePages(t *testing.T) {
	open := true
	_, url := start(t, answer("served"), func(c *Config) {
		c.Open = func() bool { return open }
		c.Hosts = []string{"assay.example"}
	})
	port := url[strings.LastIndex(url, ":"):]
	for _, c := range []struct {
		name, method string
		header       map[string]string
		open, closed int
	}{
		{"localhost", "GET", map[string]string{"Host": "localhost" + port}, 200, 200},
		{"loopback", "GET", map[string]string{"Host": "127.0.0.1" + port}, 200, 200},
		{"loopback v6", "GET", map[string]string{"Host": "[::1]" + port}, 200, 200},
		{"named host", "GET", map[string]string{"Host": "ASSAY.example"}, 200, 200},
		{"rebound name", "GET", map[string]string{"Host": "evil.example"}, 403, 200},
		{"private address", "GET", map[string]string{"Host": "192.168.1.2" + port}, 403, 200},
		{"prefix of localhost", "GET", map[string]string{"Host": "localhost.evil.example"}, 403, 200},
		{"empty host", "GET", map[string]string{"Host": "."}, 403, 200},
		{"post without origin", "POST", nil, 200, 200},
		{"post from own page", "POST", map[string]string{"Origin": url}, 200, 200},
		{"post from another page", "POST", map[string]string{"Origin": "http://evil.example"}, 403, 403},
		{"post from another port", "POST", map[string]string{"Origin": "http://127.0.0.1:1"}, 403, 403},
		{"post from a file", "POST", map[string]string{"Origin": "null"}, 403, 403},
		{"fetch from another site", "DELETE", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, 403},
		{"get from another page", "GET", map[string]string{"Origin": "http://evil.example"}, 200, 200},
	} {
		for _, mode := range []bool{true, false} {
			open = mode
			want := c.closed
			if mode {
				want = c.open
			}
			if got, _, body := do(t, c.method, url, c.header); got != want {
				t.Errorf("%s, open %v: %d %s; want %d", c.name, mode, got, strings.TrimSpace(body), want)
			}
		}
	}
}

func TestEveryAnswerIsNamedAndHardened(t *testing.T) {
	_, url := start(t, answer("x"), nil)
	_, h, _ := do(t, "GET", url, map[string]string{"X-Request-Id": "from-the-client-1"})
	if h.Get("X-Request-Id") != "from-the-client-1" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'self'") {
		t.Errorf("headers %v", h)
	}
	for _, bad := range []string{"short", "with space in it", strings.Repeat("x", 65), "inject\"json"} {
		if _, h, _ := do(t, "GET", url, map[string]string{"X-Request-Id": bad}); len(h.Get("X-Request-Id")) != 32 {
			t.Errorf("id %q was taken as %q", bad, h.Get("X-Request-Id"))
		}
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /early", func(http.ResponseWriter, *http.Request) { panic("secret text") })
	mux.HandleFunc("GET /late", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		io.WriteString(w, strings.Repeat("x", 1<<20))
		panic("half-way")
	})
	_, url := start(t, mux, nil)
	if status, _, body := do(t, "GET", url+"/early", nil); status != 500 || strings.Contains(body, "secret") {
		t.Errorf("%d %s", status, body)
	}
	resp, err := http.Get(url + "/late")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looked whole")
	}
	if status, _, _ := do(t, "GET", url+"/none", nil); status != 404 {
		t.Errorf("after the panics: %d", status)
	}
}

func TestOnlyWorthwhileJSONIsPacked(t *testing.T) {
	mux := http.NewServeMux()
	long, short := `{"x":"`+strings.Repeat("y", 5000)+`"}`, `{"x":1}`
	for path, c := range map[string][2]string{
		"/long": {"application/json", long}, "/short": {"application/json", short}, "/text": {"text/event-stream", long}, "/bytes": {"application/octet-stream", long},
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c[0])
			io.WriteString(w, c[1])
		})
	}
	mux.HandleFunc("GET /empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	_, url := start(t, mux, nil)
	// Packing is for clients elsewhere; this header says that one is behind a
	// proxy on this machine.
	away := map[string]string{"Accept-Encoding": "gzip", "X-Forwarded-For": "192.0.2.1"}
	for path, want := range map[string]string{"/long": "gzip", "/short": "", "/text": "", "/bytes": ""} {
		status, h, body := do(t, "GET", url+path, away)
		if status != 200 || h.Get("Content-Encoding") != want {
			t.Errorf("%s: %d, encoding %q", path, status, h.Get("Content-Encoding"))
		}
		if want == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(z); err != nil || string(text) != long {
				t.Errorf("unpacked to %d bytes, %v", len(text), err)
			}
		}
	}
	if _, h, body := do(t, "GET", url+"/long", map[string]string{"Accept-Encoding": "gzip"}); h.Get("Content-Encoding") != "" || body != long {
		t.Error("packed for a client on this machine")
	}
	if status, _, _ := do(t, "GET", url+"/empty", away); status != 204 {
		t.Errorf("an answer without body: %d", status)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	read := func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %v", n, err)
	}
	_, url := start(t, http.HandlerFunc(read), func(c *Config) {
		c.MaxBody = 1000
		c.Unbounded = func(r *http.Request) bool { return r.URL.Path == "/stream" }
	})
	post := func(path string, n int) string {
		resp, err := http.Post(url+path, "text/plain", bytes.NewReader(make([]byte, n)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	if got := post("/", 1000); got != "1000 <nil>" {
		t.Error(got)
	}
	if got := post("/", 1001); !strings.Contains(got, "too large") {
		t.Error(got)
	}
	if got := post("/stream", 100_000); got != "100000 <nil>" {
		t.Error(got)
	}
}

// TestAStalledBodyIsGivenUp but a slow one that moves is not, and the deadline
// does not outlive the body.
func TestAStalledBodyIsGivenUp(t *testing.T) {
	const stall = 600 * time.Millisecond
	ended := make(chan error, 2)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if err == nil {
			select { // works on, longer than the body may stand still
			case <-time.After(3 * stall / 2):
			case <-r.Context().Done():
				err = r.Context().Err()
			}
		}
		ended <- err
	})
	_, url := start(t, mux, func(c *Config) { c.Stall = stall })
	send := func(pauses int, pause time.Duration, whole bool) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", pauses+1)
		for range pauses {
			conn.Write([]byte("x"))
			time.Sleep(pause)
		}
		if whole {
			conn.Write([]byte("x"))
		}
	}
	send(12, stall/6, true)
	if err := <-ended; err != nil {
		t.Errorf("a slow body: %v", err)
	}
	send(1, 0, false)
	if err := <-ended; err == nil {
		t.Error("a body that stands still was waited for")
	}
}

func TestStopLetsRequestsFinish(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-finish
		io.WriteString(w, "whole")
	})
	s, url := start(t, mux, nil)
	got := make(chan string)
	go func() {
		resp, err := http.Get(url + "/slow")
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		got <- string(b)
	}()
	<-began
	stopped := make(chan error)
	go func() { stopped <- s.Stop(context.Background()) }()
	<-s.Stopping()
	close(finish)
	if text := <-got; text != "whole" {
		t.Errorf("the request in flight got %q", text)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
	if _, err := http.Get(url + "/slow"); err == nil {
		t.Error("a stopped server answers")
	}
}

func TestRefusalsReachTheProtocol(t *testing.T) {
	_, url := start(t, answer("served"), func(c *Config) {
		c.Authenticate = func(r *http.Request) (caller.Caller, error) {
			if r.Header.Get("Authorization") == "" {
				return caller.Caller{}, fault.New(fault.Unauthenticated, "who are you?")
			}
			return caller.Caller{User: "ada"}, nil
		}
	})
	if status, _, body := do(t, "GET", url, nil); status != 401 || !strings.Contains(body, "who are you?") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := do(t, "GET", url, map[string]string{"Authorization": "x"}); status != 200 {
		t.Errorf("%d", status)
	}
}
