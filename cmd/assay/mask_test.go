package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	_ "modernc.org/sqlite"
)

// canary is a value that a rule must find, and the words it would be indexed
// as.
type canary struct {
	value string
	words []string
}

var canaries = []canary{
	{"canary.person@wren-masked.example", []string{"wren"}},
	{"+49 171 5559471", []string{"5559471"}},
	{"4539 5787 6362 1486", nil},
	{"AKIAZQ3DRSTUVWXYCNRY", []string{"akiazq3drstuvwxycnry"}},
	{"ghp_cNrYcNrY0123456789abcdefghijABCDEFGH", []string{"cnrycnry0123456789abcdefghijabcdefgh"}},
	{"sk-ant-api03-cNrYaAbBcCdDeEfF0123456789", []string{"cnryaabbccddeeff0123456789"}},
	{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.cNrYsignaturecNrYsignature", []string{"cnrysignaturecnrysignature"}},
	{"DE02 1203 0000 0000 2020 51", nil},
	{"203.0.113.177", nil},
	{"CASE-77120443", []string{"77120443"}}, // the rule of the user's
}

// everyCanary is a text with all of them, each apart from its neighbours.
func everyCanary() string {
	var list []string
	for _, c := range canaries {
		list = append(list, c.value)
	}
	return "first " + strings.Join(list, " then ") + " last"
}

// TestMaskedValuesAreNowhere sends values of every built-in kind and a rule of
// the user's through every protocol, then looks at every byte that the server
// has on disk, has logged or answers.
func TestMaskedValuesAreNowhere(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server; not in -short")
	}
	data := t.TempDir()
	s := startMasked(t, data)
	s.sendEverywhere(t)
	s.awaitText(t)
	var seen bytes.Buffer
	for _, path := range []string{"/api/2.0/mlflow/traces?experiment_ids=0&max_results=100", "/metrics"} {
		seen.Write(s.get(t, path))
	}
	for _, id := range s.traces {
		seen.Write(s.get(t, "/api/3.0/mlflow/traces/get?allow_partial=true&trace_id="+id))
		seen.Write(s.get(t, "/api/assay/v1/w/default/traces/"+id))
	}
	seen.Write(s.get(t, "/api/assay/v1/w/default/masking"))
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
	seen.Write(s.log.Bytes())
	search(t, "answers and log", seen.Bytes())
	if files := searchDisk(t, data); files < 8 {
		t.Errorf("only %d files were looked at", files)
	}
	if !bytes.Contains(seen.Bytes(), []byte("[email]")) || !bytes.Contains(seen.Bytes(), []byte("user-")) {
		t.Error("the answers hold no masked value: nothing was sent")
	}
}

// TestUnmaskedCanariesAreFound shows that the search finds what is there.
func TestUnmaskedCanariesAreFound(t *testing.T) {
	for _, c := range canaries {
		for _, form := range forms(c) {
			if !bytes.Contains([]byte("xx"+form+"yy"), []byte(form)) {
				t.Error(form)
			}
		}
	}
	if n := len(found([]byte("a " + everyCanary()))); n < len(canaries) {
		t.Errorf("%d of %d canaries are found in the open", n, len(canaries))
	}
}

// forms are the ways in which a value might lie about.
func forms(c canary) []string {
	list := append([]string{c.value, strings.ReplaceAll(c.value, " ", "")}, c.words...)
	quoted, _ := json.Marshal(c.value)
	list = append(list, strings.Trim(string(quoted), `"`), strings.ReplaceAll(c.value, "@", `\u0040`), strings.ReplaceAll(c.value, "@", "%40"))
	for shift := range 3 { // base64 depends on where the value begins
		b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + c.value))
		list = append(list, b[4:len(b)-4])
	}
	return list
}

func found(b []byte) (list []string) {
	lower := bytes.ToLower(b)
	for _, c := range canaries {
		for _, form := range forms(c) {
			if bytes.Contains(b, []byte(form)) || bytes.Contains(lower, bytes.ToLower([]byte(form))) {
				list = append(list, form)
				break
			}
		}
	}
	return list
}

func search(t *testing.T, where string, b []byte) {
	t.Helper()
	for _, form := range found(b) {
		at := bytes.Index(bytes.ToLower(b), bytes.ToLower([]byte(form)))
		t.Errorf("%q is in %s: …%q…", form, where, b[max(0, at-60):min(len(b), at+len(form)+40)])
	}
}

// searchDisk looks at every file as it is, at what packs unpack to and at the
// vocabulary of full text.
func searchDisk(t *testing.T, dir string) (files int) {
	t.Helper()
	unpack, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unpack.Close()
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		search(t, path, b)
		for at := bytes.Index(b, []byte("ASB1")); at >= 0 && strings.HasSuffix(path, ".pack"); {
			size := int(b[at+8]) | int(b[at+9])<<8 | int(b[at+10])<<16
			plain, err := unpack.DecodeAll(b[at+28:at+28+size], nil)
			if err != nil {
				t.Fatalf("%s at %d: %v", path, at, err)
			}
			search(t, path+" unpacked", plain)
			if next := bytes.Index(b[at+28+size:], []byte("ASB1")); next >= 0 {
				at += 28 + size + next
			} else {
				break
			}
		}
		if strings.HasSuffix(path, "text.db") {
			words := vocabulary(t, path)
			if len(words) == 0 {
				t.Errorf("%s has no words: nothing was indexed", path)
			}
			search(t, path+" vocabulary", words)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func vocabulary(t *testing.T, path string) []byte {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT term FROM vocabulary`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b bytes.Buffer
	for rows.Next() {
		var term string
		if err := rows.Scan(&term); err != nil {
			t.Fatal(err)
		}
		b.WriteString(term + "\n")
	}
	return b.Bytes()
}

// maskedServer is a server that masks, with what was sent to it.
type maskedServer struct {
	*server
	log    *bytes.Buffer
	grpc   string
	traces []string
}

func startMasked(t *testing.T, data string) *maskedServer {
	t.Helper()
	ports := [2]string{}
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = l.Addr().String()
		l.Close()
	}
	m := &maskedServer{log: &bytes.Buffer{}, grpc: ports[1]}
	cmd := exec.Command(buildBinary(t), "serve", "--addr", ports[0], "--otlp-grpc-addr", ports[1], "--otlp-http-addr", "", "--data", data,
		"--log-level", "debug", "--mask", "email")
	cmd.Stdout, cmd.Stderr = m.log, m.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	m.server = &server{cmd: cmd, url: "http://" + ports[0]}
	for range 200 {
		if resp, err := http.Get(m.url + "/health"); err == nil {
			resp.Body.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	var built []any
	for _, name := range []string{"email", "phone", "card", "secret", "iban", "ip"} {
		built = append(built, map[string]any{"name": name})
	}
	err := m.call("PUT", "/api/assay/v1/w/default/masking", map[string]any{"policy": map[string]any{"built_in": built,
		"rules": []any{map[string]any{"name": "case", "pattern": `CASE-\d{8}`}}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *maskedServer) get(t *testing.T, path string) []byte {
	t.Helper()
	resp, err := http.Get(m.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d %v %.300s", path, resp.StatusCode, err, b)
	}
	return b
}

// awaitText waits until full text has caught up.
func (m *maskedServer) awaitText(t *testing.T) {
	t.Helper()
	for range 100 {
		if bytes.Contains(m.get(t, "/metrics"), []byte("assay_text_lag_bytes 0\n")) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("full text does not catch up")
}

// value is a text as an AnyValue.
func value(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

// request is a batch with canaries in every field that takes a text.
func (m *maskedServer) request(t *testing.T) *collector.ExportTraceServiceRequest {
	all := everyCanary()
	inside, _ := json.Marshal(map[string]any{"messages": []any{map[string]any{"role": "user", "content": all}}, "card": 4539578763621486})
	twice, _ := json.Marshal(map[string]any{"body": string(inside)})
	escaped := strings.ReplaceAll(strings.ReplaceAll(string(twice), "@", `\u0040`), "+49", `\u002b49`)
	kv := func(key, v string) *common.KeyValue { return &common.KeyValue{Key: key, Value: value(v)} }
	n := len(m.traces) + 1
	id := bytes.Repeat([]byte{byte(n)}, 16)
	m.traces = append(m.traces, fmt.Sprintf("tr-%x", id))
	now := uint64(time.Now().UnixNano())
	span := &traces.Span{TraceId: id, SpanId: []byte{1, 2, 3, 4, 5, 6, 7, byte(n)}, Name: "ask " + all, TraceState: "k=" + canaries[0].value,
		StartTimeUnixNano: now, EndTimeUnixNano: now + 1e6,
		Status: &traces.Status{Code: traces.Status_STATUS_CODE_ERROR, Message: "failed for " + all},
		Attributes: []*common.KeyValue{kv("input.value", all), kv("output.value", string(inside)), kv("mlflow.spanInputs", escaped), kv("plain", all),
			kv("user.id", canaries[0].value), kv("session.id", "chat with "+canaries[0].value), kv("mlflow.traceTag.who", all),
			kv("key "+canaries[0].value, "x"), kv("metadata", `{"user_id": "`+canaries[0].value+`"}`),
			{Key: "number", Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: 4539578763621486}}},
			{Key: "bytes", Value: &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte(all)}}},
			{Key: "list", Value: &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{value(all),
				{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: []*common.KeyValue{kv(canaries[0].value, all)}}}}}}}}}},
		Events: []*traces.Span_Event{{TimeUnixNano: now, Name: "event " + all, Attributes: []*common.KeyValue{kv("exception.stacktrace", "at\n"+all)}}},
		Links:  []*traces.Span_Link{{TraceId: id, SpanId: []byte{9, 2, 3, 4, 5, 6, 7, 8}, TraceState: canaries[0].value, Attributes: []*common.KeyValue{kv("why", all)}}},
	}
	// A field that no version of the protocol has yet.
	span.ProtoReflect().SetUnknown(append([]byte{0xfa, 0x07, byte(len(canaries[3].value))}, canaries[3].value...))
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*traces.ResourceSpans{{
		Resource:   &resource.Resource{Attributes: []*common.KeyValue{kv("service.name", "svc"), kv("owner", all)}},
		ScopeSpans: []*traces.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "scope " + all, Version: canaries[0].value}, Spans: []*traces.Span{span}}},
	}}}
}

func (m *maskedServer) post(t *testing.T, method, path, kind string, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequest(method, m.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %.500s", method, path, resp.StatusCode, b)
	}
	search(t, "the answer of "+path, b)
	return b
}

// sendEverywhere uses every way in.
func (m *maskedServer) sendEverywhere(t *testing.T) {
	t.Helper()
	all := everyCanary()
	text := func(v any) []byte { b, _ := json.Marshal(v); return b }
	// OTLP: protobuf and JSON over HTTP, gRPC.
	raw, err := proto.Marshal(m.request(t))
	if err != nil {
		t.Fatal(err)
	}
	m.post(t, "POST", "/v1/traces", "application/x-protobuf", raw)
	raw, _ = proto.Marshal(m.request(t))
	m.post(t, "POST", "/v1/traces", "application/x-protobuf", raw)
	const span = `{"resourceSpans":[{"resource":{"attributes":[{"key":"owner","value":{"stringValue":%[1]q}}]},"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"00000000000000aa","name":%[1]q,"startTimeUnixNano":"%[3]d","endTimeUnixNano":"%[3]d","attributes":[{"key":"input.value","value":{"stringValue":%[1]q}}],"status":{"code":2,"message":%[1]q}}]}]}]}`
	m.traces = append(m.traces, fmt.Sprintf("tr-%032x", 0xABCDEF))
	m.post(t, "POST", "/v1/traces", "application/json", fmt.Appendf(nil, span, all, 0xABCDEF, time.Now().UnixNano()))
	conn, err := grpc.NewClient(m.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := collector.NewTraceServiceClient(conn).Export(ctx, m.request(t)); err != nil {
		t.Fatal(err)
	}
	// A span that is refused: neither the answer nor the log may quote it.
	bad := m.request(t)
	m.traces = m.traces[:len(m.traces)-1]
	bad.ResourceSpans[0].ScopeSpans[0].Spans[0].TraceId = nil
	raw, _ = proto.Marshal(bad)
	if resp, err := http.Post(m.url+"/v1/traces", "application/x-protobuf", bytes.NewReader(raw)); err == nil {
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		search(t, "the refusal", b)
	}
	m.sendMLflow(t, text)
	// Evaluation results over OTLP logs.
	id := strings.TrimPrefix(m.traces[0], "tr-")
	m.post(t, "POST", "/v1/logs", "application/json", fmt.Appendf(nil, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"gen_ai.evaluation.result","timeUnixNano":"%d","traceId":%q,"attributes":[
		{"key":"gen_ai.evaluation.name","value":{"stringValue":"tone"}},{"key":"gen_ai.evaluation.score.label","value":{"stringValue":%[3]q}},{"key":"gen_ai.evaluation.explanation","value":{"stringValue":%[3]q}}]}]}]}]}`,
		time.Now().UnixNano(), id, all))
	// Our own API.
	path := "/api/assay/v1/w/default/traces/" + m.traces[0]
	m.post(t, "POST", path+"/assessments", "application/json", text(map[string]any{"name": "note", "kind": "feedback", "value": all, "rationale": all}))
	m.post(t, "PATCH", path, "application/json", text(map[string]any{"tags": map[string]any{"owner": all}}))
}

// sendMLflow uses the calls of MLflow's clients, of both generations.
func (m *maskedServer) sendMLflow(t *testing.T, text func(any) []byte) {
	t.Helper()
	all, user := everyCanary(), canaries[0].value
	const kind = "application/json"
	id := "tr-" + strings.Repeat("c4", 16)
	m.traces = append(m.traces, id)
	m.post(t, "POST", "/api/3.0/mlflow/traces", kind, text(map[string]any{"trace": map[string]any{"trace_info": map[string]any{
		"trace_id": id, "client_request_id": user, "request_time": time.Now().UTC().Format(time.RFC3339Nano), "state": "OK",
		"trace_location":  map[string]any{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": map[string]any{"experiment_id": "0"}},
		"request_preview": all, "response_preview": all, "tags": map[string]any{"mlflow.traceName": all, "t": all},
		"trace_metadata": map[string]any{"mlflow.trace.user": user, "mlflow.trace.session": "with " + user, "m": all},
		"assessments": []any{map[string]any{"assessment_name": "good", "feedback": map[string]any{"value": all}, "rationale": all,
			"source": map[string]any{"source_type": "HUMAN", "source_id": user}, "metadata": map[string]any{"k": all}}},
	}}}))
	m.post(t, "PATCH", "/api/3.0/mlflow/traces/"+id+"/tags", kind, text(map[string]any{"key": "later", "value": all}))
	made := m.post(t, "POST", "/api/3.0/mlflow/traces/"+id+"/assessments", kind, text(map[string]any{"assessment": map[string]any{
		"assessment_name": "expected", "expectation": map[string]any{"value": map[string]any{"card": 4539578763621486, "answer": all}}, "rationale": all,
		"source": map[string]any{"source_type": "CODE", "source_id": "x"}}}))
	var a struct {
		Assessment struct {
			ID string `json:"assessment_id"`
		}
	}
	json.Unmarshal(made, &a)
	m.post(t, "PATCH", "/api/3.0/mlflow/traces/"+id+"/assessments/"+a.Assessment.ID, kind, text(map[string]any{
		"assessment": map[string]any{"rationale": "again " + all}, "update_mask": "rationale"}))
	m.post(t, "POST", "/api/3.0/mlflow/issues", kind, text(map[string]any{"experiment_id": "0", "name": "leak", "description": all, "status": "pending", "root_causes": []any{all}}))
	var d struct {
		Dataset struct {
			ID string `json:"dataset_id"`
		}
	}
	json.Unmarshal(m.post(t, "POST", "/api/3.0/mlflow/datasets/create", kind, text(map[string]any{"name": "rows", "experiment_ids": []any{"0"}})), &d)
	m.post(t, "POST", "/api/3.0/mlflow/datasets/"+d.Dataset.ID+"/records", kind, text(map[string]any{"records": string(text([]any{
		map[string]any{"inputs": map[string]any{"q": all}, "expectations": map[string]any{"a": all}, "tags": map[string]any{"t": all}}}))}))
	// Clients before 3.4: header, file of spans, end.
	var v2 struct {
		Info struct {
			ID string `json:"request_id"`
		} `json:"trace_info"`
	}
	pairs := func(v string) []any {
		return []any{map[string]any{"key": "k", "value": v}, map[string]any{"key": "mlflow.trace.user", "value": user}}
	}
	json.Unmarshal(m.post(t, "POST", "/api/2.0/mlflow/traces", kind, text(map[string]any{"experiment_id": "0", "timestamp_ms": time.Now().UnixMilli(),
		"request_metadata": pairs(all), "tags": pairs(all)})), &v2)
	m.traces = append(m.traces, v2.Info.ID)
	file := text(map[string]any{"spans": []any{map[string]any{"name": all, "context": map[string]any{"span_id": "0x00000000000000bb", "trace_id": "0x1"}, "start_time": time.Now().UnixNano(),
		"end_time": time.Now().UnixNano(), "status_code": "OK", "status_message": all, "attributes": map[string]any{"mlflow.spanInputs": string(text(map[string]any{"q": all}))},
		"events": []any{map[string]any{"name": all, "timestamp": 1, "attributes": map[string]any{"e": all}}}}}, "request": all, "response": all})
	m.post(t, "PUT", "/api/2.0/mlflow-artifacts/artifacts/0/traces/"+v2.Info.ID+"/artifacts/traces.json", "application/octet-stream", file)
	m.post(t, "PUT", "/api/2.0/mlflow-artifacts/artifacts/0/traces/"+v2.Info.ID+"/artifacts/attachments/note.txt", "text/plain", []byte(all))
	m.post(t, "PATCH", "/api/2.0/mlflow/traces/"+v2.Info.ID, kind, text(map[string]any{"timestamp_ms": time.Now().UnixMilli(), "status": "OK",
		"request_metadata": pairs(all), "tags": pairs(all)}))
}
