package mcp

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for _, c := range []struct {
		name, body string
		code       int // of the whole, or of its only message; 0 fine
	}{
		{"request", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, 0},
		{"spaces", "\n {\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\",\"params\":{}} \n", 0},
		{"notification", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, 0},
		{"reply", `{"jsonrpc":"2.0","id":1,"result":{}}`, 0},
		{"nothing", ``, codeParse},
		{"text", `hello`, codeParse},
		{"half", `{"jsonrpc":"2.0","id":1,"method":"ping"`, codeParse},
		{"two values", `{"jsonrpc":"2.0","id":1,"method":"ping"}{}`, codeParse},
		{"not UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", codeParse},
		{"deep", deep, codeParse},
		{"deep lists", strings.Repeat("[", 100000), codeParse},
		{"twice", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`, codeParse},
		{"twice, escaped", `{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}`, codeParse},
		{"twice inside", `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":{"b":1,"b":2}}}`, codeParse},
		{"number", `7`, codeInvalidRequest},
		{"null", `null`, codeInvalidRequest},
		{"id null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, codeInvalidRequest},
		{"id fraction", `{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, codeInvalidRequest},
		{"id object", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, codeInvalidRequest},
		{"id huge", `{"jsonrpc":"2.0","id":` + strings.Repeat("9", 300) + `,"method":"ping"}`, codeInvalidRequest},
		{"other case", `{"jsonrpc":"2.0","id":1,"Method":"ping"}`, codeInvalidRequest},
		{"version", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, codeInvalidRequest},
		{"params list", `{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}`, codeInvalidParams},
		{"params null", `{"jsonrpc":"2.0","id":1,"method":"ping","params":null}`, codeInvalidParams},
		{"empty batch", `[]`, codeInvalidRequest},
		{"long batch", "[" + strings.TrimSuffix(strings.Repeat("1,", 21), ",") + "]", codeInvalidRequest},
	} {
		_, list, e := decode([]byte(c.body))
		if e == nil && len(list) == 1 {
			e = list[0].err
		}
		if got := 0; e != nil {
			got = e.Code
			if got != c.code {
				t.Errorf("%s: code %d (%s), want %d", c.name, got, e.Message, c.code)
			}
		} else if c.code != 0 {
			t.Errorf("%s: accepted, want %d", c.name, c.code)
		}
	}
	huge := `{"jsonrpc":"2.0","id":12345678901234567890123456789,"method":"ping"}`
	_, list, _ := decode([]byte(huge))
	b, err := encode(&response{ID: list[0].id, Result: map[string]any{}})
	if err != nil || string(b) != `{"jsonrpc":"2.0","id":12345678901234567890123456789,"result":{}}` {
		t.Errorf("an id comes back as it was written: %s %v", b, err)
	}
}

// FuzzDecode: no input panics, what is accepted keeps within the limits, and
// every answer to it is valid JSON.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_traces","arguments":{"limit":2}}}`,
		`[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},7]`,
		`{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 300) + `","method":"ping"}`,
		`{"a":{"a":{"a":[[[{"b":1,"b":2}]]]}}}`, `{"jsonrpc":"2.0","id":-0,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`,
		"[[[[", `{"":"","":""}`, `"\ud800"`, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}`,
	} {
		f.Add([]byte(s))
	}
	s := NewServer(nil, nil, Config{})
	f.Fuzz(func(t *testing.T, body []byte) {
		_, list, e := decode(body)
		if e != nil {
			if b, err := encode(&response{Error: e}); err != nil || !json.Valid(b) {
				t.Fatalf("%v %s", err, b)
			}
			return
		}
		if len(list) == 0 || len(list) > maxBatch {
			t.Fatalf("%d messages", len(list))
		}
		for i := range list {
			if len(list[i].id) > maxID || len(list[i].method) > maxMethod {
				t.Fatalf("over a limit: %d %d", len(list[i].id), len(list[i].method))
			}
			switch list[i].method {
			case "tools/call", "prompts/get", "prompts/list", "resources/read", "resources/list":
				continue // they ask the domains, which are not here
			}
			_, r := s.handle(t.Context(), &list[i], http.Header{})
			if r == nil {
				continue
			}
			if b, err := encode(r); err != nil || !json.Valid(b) {
				t.Fatalf("%v %s", err, b)
			}
		}
	})
}

// FuzzArguments: whatever the arguments, a tool's check gives values within
// what its schema says, or a fault that is not ours.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{`{"limit":2}`, `{"limit":1e2,"filter":"status = 'OK'"}`, `{"experiment_ids":["1",null]}`, `{"limit":"3"}`, `[]`, `null`, `{"text":"\u0000"}`, `{"limit":9007199254740993}`, `{"order_by":"cost"}`} {
		f.Add([]byte(s))
	}
	s := NewServer(nil, nil, Config{})
	tool := s.byName["search_traces"]
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		a, err := tool.read(raw)
		if err != nil {
			return
		}
		if n := a.number("limit", 20); n < 1 || n > 200 {
			t.Fatalf("limit %d", n)
		}
		for _, p := range tool.params {
			if p.kind == text && len([]rune(a.text(p.name))) > p.limit() {
				t.Fatalf("%s is too long", p.name)
			}
		}
		placeOf(a, 20)
	})
}
