package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/secret"
)

// unsaid is a text that traces say and that no alert may repeat.
const unsaid = "unsaid-7f3a9c"

// delivered is one request that a receiver answered with 200, or one e-mail.
type delivered struct {
	path   string
	header http.Header
	body   []byte
}

// receiver is what alerts are sent to: an HTTP server that can be away, broken
// or well, on one address all the time.
type receiver struct {
	addr string

	mu      sync.Mutex
	server  *http.Server
	broken  int // answers 500 so many times
	refused int // answered 500
	got     []delivered
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := &receiver{addr: l.Addr().String()}
	t.Cleanup(r.down)
	return r
}

// up listens; the first broken requests are answered with 500.
func (r *receiver) up(t *testing.T, broken int) {
	t.Helper()
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.server, r.broken = &http.Server{Handler: r}, broken
	r.mu.Unlock()
	go r.server.Serve(l)
}

func (r *receiver) down() {
	r.mu.Lock()
	server := r.server
	r.mu.Unlock()
	if server != nil {
		server.Close()
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken > 0 {
		r.broken--
		r.refused++
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r.got = append(r.got, delivered{req.URL.Path, req.Header, body})
	io.WriteString(w, "ok")
}

// at returns what arrived at a path.
func (r *receiver) at(path string) []delivered {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []delivered
	for _, d := range r.got {
		if d.path == path {
			list = append(list, d)
		}
	}
	return list
}

// mailServer speaks enough SMTP to take messages.
type mailServer struct {
	addr string
	mu   sync.Mutex
	got  []string
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{addr: l.Addr().String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go m.talk(conn)
		}
	}()
	return m
}

func (m *mailServer) talk(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(s string) { fmt.Fprintf(conn, "%s\r\n", s) }
	say("220 test")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO":
			say("250 test")
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			m.mu.Lock()
			m.got = append(m.got, text.String())
			m.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *mailServer) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.got)
}

// watched is one server under test with what its rules are called.
type watched struct {
	*server
	t     *testing.T
	seq   int
	rules map[string]string // id by name
}

const alertsPath = "/api/assay/v1/w/default/alerts"

// ask makes one request of our own API; any answer below 300 is well.
func (w *watched) ask(method, path string, in, out any) {
	w.t.Helper()
	b, _ := json.Marshal(in)
	req, err := http.NewRequest(method, w.url+path, bytes.NewReader(b))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, body)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *watched) rule(name string, spec map[string]any) {
	w.t.Helper()
	spec["name"] = name
	var made struct {
		ID string `json:"alert_id"`
	}
	w.ask("POST", alertsPath, spec, &made)
	w.rules[name] = made.ID
}

type ruleState struct {
	State    string  `json:"state"`
	Incident *string `json:"incident_id"`
	Measured float64 `json:"measured"`
	Passed   int64   `json:"evaluated_ms"`
}

func (w *watched) state(name string) (s ruleState) {
	w.t.Helper()
	w.ask("GET", alertsPath+"/"+w.rules[name], nil, &s)
	return s
}

// until waits for something to become true.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("in vain: %s", what)
}

func (w *watched) becomes(name, state string) {
	w.t.Helper()
	until(w.t, name+" becomes "+state, func() bool { return w.state(name).State == state })
}

// passes waits until a rule was judged n more times.
func (w *watched) passes(name string, n int) {
	w.t.Helper()
	for last, seen := w.state(name).Passed, 0; seen < n; {
		until(w.t, "another pass", func() bool { return w.state(name).Passed != last })
		last = w.state(name).Passed
		seen++
	}
}

// span is one span of the traces that this test sends.
func (w *watched) span(trace string, id int, parent string, failed bool, attrs ...string) map[string]any {
	status := map[string]any{"code": 1}
	if failed {
		status = map[string]any{"code": 2, "message": unsaid}
	}
	list := []any{map[string]any{"key": "input.value", "value": map[string]any{"stringValue": unsaid}}}
	for i := 0; i+1 < len(attrs); i += 2 {
		list = append(list, map[string]any{"key": attrs[i], "value": map[string]any{"stringValue": attrs[i+1]}})
	}
	now := time.Now().UnixNano()
	return map[string]any{"traceId": trace, "spanId": fmt.Sprintf("%016x", id), "parentSpanId": parent, "name": "job", "kind": 1, "status": status,
		"startTimeUnixNano": strconv.FormatInt(now-1e6, 10), "endTimeUnixNano": strconv.FormatInt(now, 10), "attributes": list}
}

func (w *watched) send(spans ...map[string]any) {
	w.t.Helper()
	w.ask("POST", "/v1/traces", map[string]any{"resourceSpans": []any{map[string]any{"scopeSpans": []any{map[string]any{"spans": spans}}}}}, nil)
}

// traces sends n traces that ended well or not.
func (w *watched) traces(n int, failed bool) {
	w.t.Helper()
	var spans []map[string]any
	for range n {
		w.seq++
		spans = append(spans, w.span(fmt.Sprintf("%032x", w.seq), w.seq, "", failed))
	}
	w.send(spans...)
}

// crash kills the server and starts it again on the same data.
func (w *watched) crash(start func() *server) {
	w.t.Helper()
	w.cmd.Process.Signal(syscall.SIGKILL)
	w.cmd.Wait()
	w.server = start()
}

// TestAlertsArriveOnceAndInOrder drives the real server, whose receivers are
// away, then broken, then well, and which is itself killed meanwhile. Every
// firing and every end of one arrives, once by its delivery id, in order,
// signed; a muted rule is silent; between its thresholds a rule stays as it is;
// stalled and looping traces raise theirs.
func TestAlertsArriveOnceAndInOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills servers; not in -short")
	}
	bin, data := buildBinary(t), t.TempDir()
	post := newMailServer(t)
	r := newReceiver(t)
	start := func() *server {
		return startServer(t, bin, data, "env", "ASSAY_ALERT_INTERVAL=1s", "ASSAY_STALL_AFTER=2s", "ASSAY_LOOP_AFTER=3", "ASSAY_SMTP_URL=smtp://"+post.addr+"?from=assay@example.com")
	}
	w := &watched{server: start(), t: t, rules: map[string]string{}}
	var all []string
	for _, c := range []map[string]any{
		{"name": "hook", "kind": "webhook", "url": "http://" + r.addr + "/hook", "secret": "s3cret"},
		{"name": "slack", "kind": "slack", "url": "http://" + r.addr + "/services/T/B/token-of-slack"},
		{"name": "mail", "kind": "email", "to": []string{"ops@example.com"}},
	} {
		var made struct {
			ID string `json:"channel_id"`
		}
		w.ask("POST", "/api/assay/v1/w/default/channels", c, &made)
		all = append(all, made.ID)
	}
	rate := func() map[string]any {
		return map[string]any{"signal": "error_rate", "fire": 0.5, "clear": 0.2, "window_ms": 3_600_000, "min_traces": 5, "channel_ids": all}
	}
	w.rule("errors", rate())
	w.rule("muted", rate())
	w.ask("POST", alertsPath+"/"+w.rules["muted"]+"/mute", map[string]any{"until_ms": time.Now().Add(time.Hour).UnixMilli(), "reason": "it is a test"}, nil)
	for _, signal := range []string{"stalled", "loops"} {
		w.rule(signal, map[string]any{"signal": signal, "fire": 0, "window_ms": 3_600_000, "channel_ids": all[:1]})
	}

	// Everybody is away. Too few traces say nothing; then it fires.
	w.traces(4, true)
	w.passes("errors", 3)
	if s := w.state("errors"); s.State != "no_data" {
		t.Fatalf("4 traces of at least 5: %s", s.State)
	}
	w.traces(6, true)
	w.becomes("errors", "firing")
	w.becomes("muted", "firing")
	incident := *w.state("errors").Incident
	time.Sleep(2 * time.Second) // some attempts fail
	w.crash(start)

	// A restart neither forgets nor repeats; between the thresholds nothing
	// changes.
	w.traces(20, false) // 10 of 30
	w.passes("errors", 3)
	if s := w.state("errors"); s.State != "firing" || *s.Incident != incident || s.Measured > 0.34 {
		t.Fatalf("between the thresholds, after a restart: %+v", s)
	}
	w.traces(40, false) // 10 of 70
	w.becomes("errors", "ok")

	// The receiver is there again, broken at first; the server dies once more.
	r.up(t, 3)
	until(t, "the receiver is asked", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.refused > 0 })
	w.crash(start)
	until(t, "the first firing and its end arrive", func() bool {
		return len(unique(w.of(r, "errors"))) >= 2 && len(r.at("/services/T/B/token-of-slack")) >= 2
	})

	// A second one, with everybody there.
	w.traces(200, true)
	w.becomes("errors", "firing")
	w.traces(1500, false)
	w.becomes("errors", "ok")
	until(t, "the second firing and its end arrive", func() bool { return len(unique(w.of(r, "errors"))) >= 4 })

	// A trace whose root never comes, then does.
	stuck := fmt.Sprintf("%032x", 1<<40)
	w.send(w.span(stuck, 1<<20, "00000000000000ff", false))
	w.becomes("stalled", "firing")
	w.send(w.span(stuck, 0xff, "", false))
	w.becomes("stalled", "ok")
	// A tool that is called three times with the same input.
	loop := fmt.Sprintf("%032x", 1<<41)
	root := w.span(loop, 1<<21, "", false)
	var calls []map[string]any
	for i := range 3 {
		calls = append(calls, w.span(loop, 1<<21+1+i, fmt.Sprintf("%016x", 1<<21), false, "gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "search", "gen_ai.tool.call.arguments", `{"q":"`+unsaid+`"}`))
	}
	w.send(append(calls, root)...)
	w.becomes("loops", "firing")
	until(t, "stalled and looping traces are told of", func() bool { return len(unique(w.of(r, "stalled"))) >= 2 && len(unique(w.of(r, "loops"))) >= 1 })
	until(t, "mail and Slack have all four", func() bool { return len(post.all()) >= 4 && len(r.at("/services/T/B/token-of-slack")) >= 4 })
	w.passes("errors", 2) // nothing comes late

	w.checkHook(r, incident)
	w.checkOthers(r, post)
}

// of returns what the webhook was told of a rule.
func (w *watched) of(r *receiver, name string) (list []delivered) {
	for _, d := range r.at("/hook") {
		if bytes.Contains(d.body, []byte(w.rules[name])) {
			list = append(list, d)
		}
	}
	return list
}

// unique drops repetitions of a delivery, as a receiver does: one may come when
// the server dies between the answer and its note of it.
func unique(list []delivered) (out []delivered) {
	seen := map[string]bool{}
	for _, d := range list {
		if id := d.header.Get("X-Assay-Delivery-Id"); !seen[id] {
			seen[id] = true
			out = append(out, d)
		}
	}
	return out
}

type news struct {
	Type     string `json:"type"`
	Incident string `json:"incident_id"`
	Traces   string `json:"traces_url"`
}

func (w *watched) checkHook(r *receiver, incident string) {
	w.t.Helper()
	for _, d := range r.at("/hook") {
		id, at := d.header.Get("X-Assay-Delivery-Id"), d.header.Get("X-Assay-Timestamp")
		if id == "" || d.header.Get("X-Assay-Signature") != secret.Signature("s3cret", id, at, d.body) {
			w.t.Errorf("a message is not signed rightly: %v", d.header)
		}
	}
	if got := w.of(r, "muted"); len(got) != 0 {
		w.t.Errorf("the muted rule was told of: %s", got[0].body)
	}
	for name, want := range map[string][]string{
		"errors":  {"alert.firing", "alert.resolved", "alert.firing", "alert.resolved"},
		"stalled": {"alert.firing", "alert.resolved"},
		"loops":   {"alert.firing"},
	} {
		var types, incidents []string
		for _, d := range unique(w.of(r, name)) {
			var n news
			if err := json.Unmarshal(d.body, &n); err != nil {
				w.t.Fatal(err)
			}
			types, incidents = append(types, n.Type), append(incidents, n.Incident)
			if !strings.HasPrefix(n.Traces, "http") || !strings.Contains(n.Traces, "/w/default/traces?") {
				w.t.Errorf("%s links to %q", name, n.Traces)
			}
		}
		if !slices.Equal(types, want) {
			w.t.Errorf("of %s arrived %v, want %v", name, types, want)
			continue
		}
		if name == "errors" && (incidents[0] != incident || incidents[1] != incident || incidents[2] == incident || incidents[2] != incidents[3]) {
			w.t.Errorf("incidents %v, the first %s", incidents, incident)
		}
	}
}

func (w *watched) checkOthers(r *receiver, post *mailServer) {
	w.t.Helper()
	inOrder := func(what string, texts []string) {
		w.t.Helper()
		want := []string{"Firing: errors", "Resolved: errors", "Firing: errors", "Resolved: errors"}
		// A repetition is possible where the server was killed; the order is not.
		texts = slices.Compact(texts)
		if len(texts) != len(want) {
			w.t.Fatalf("%s got %d messages, want %d: %q", what, len(texts), len(want), texts)
		}
		for i, text := range texts {
			if !strings.Contains(text, want[i]) {
				w.t.Errorf("%s got as number %d: %s", what, i, text)
			}
		}
	}
	var slack []string
	for _, d := range r.at("/services/T/B/token-of-slack") {
		slack = append(slack, string(d.body))
	}
	inOrder("Slack", slack)
	var mails []string
	ids := map[string]bool{}
	for _, m := range post.all() {
		_, id, _ := strings.Cut(m, "Message-ID: ")
		id, _, _ = strings.Cut(id, "\r\n")
		if !ids[id] {
			ids[id] = true
			mails = append(mails, m)
		}
	}
	inOrder("the mail server", mails)
	everything := strings.Join(slack, "") + strings.Join(mails, "")
	for _, d := range r.at("/hook") {
		everything += string(d.body)
	}
	for _, hidden := range []string{unsaid, "token-of-slack", "s3cret"} {
		if strings.Contains(everything, hidden) {
			w.t.Errorf("an alert says %q", hidden)
		}
	}
	var notices struct {
		Notices []struct{ Kind, Title string }
		Unread  int
	}
	w.ask("GET", "/api/assay/v1/w/default/notices", nil, &notices)
	if notices.Unread < 7 {
		w.t.Errorf("the bell has %d notices: %+v", notices.Unread, notices.Notices)
	}
}
