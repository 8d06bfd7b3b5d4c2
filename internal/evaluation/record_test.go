package evaluation

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestEqualInputsHashEqual(t *testing.T) {
	hash := func(inputs string) string {
		n, err := parseRecord([]byte(`{"inputs": ` + inputs + `}`))
		if err != nil {
			t.Fatalf("%s: %v", inputs, err)
		}
		return n.hash
	}
	same := [][2]string{
		{`{"a": 1, "b": {"c": [1, 2], "d": "x"}}`, `{"b":{"d":"x","c":[1,2]},"a":1}`},
		{`{"a": "é"}`, `{"a": "\u00e9"}`},
		{`{"a": 1, "a": 2}`, `{"a": 2}`},
	}
	for _, pair := range same {
		if hash(pair[0]) != hash(pair[1]) {
			t.Errorf("%s and %s hash differently", pair[0], pair[1])
		}
	}
	different := [][2]string{
		{`{"a": 1}`, `{"a": 1.0}`}, {`{"a": "1"}`, `{"a": 1}`}, {`{"a": [1, 2]}`, `{"a": [2, 1]}`},
		{`{"a": 9007199254740993}`, `{"a": 9007199254740992}`}, {`{}`, `{"a": null}`},
	}
	for _, pair := range different {
		if hash(pair[0]) == hash(pair[1]) {
			t.Errorf("%s and %s hash equally", pair[0], pair[1])
		}
	}
}

func TestSchemaLearnsInOrderAndKeepsWhatItKnows(t *testing.T) {
	read := func(list string) []newRecord {
		records, err := parseRecords([]byte(list))
		if err != nil {
			t.Fatal(err)
		}
		return records
	}
	schema, err := extendSchema("", read(`[{"inputs": {"q": "x", "n": 1, "f": 1.5, "l": [], "o": {}, "b": true, "z": null}}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"inputs": {"q": "string", "n": "integer", "f": "float", "l": "array", "o": "object", "b": "boolean", "z": "null"}, "outputs": {}, "expectations": {}, "version": "1.0"}`
	if schema != want {
		t.Errorf("schema %s; want %s", schema, want)
	}
	schema, err = extendSchema(schema, read(`[{"inputs": {"q": 1, "new": "x"}, "outputs": {"a": 1}}, {"outputs": "text"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(schema, `"q": "string"`) || !strings.Contains(schema, `"new": "string"`) || !strings.Contains(schema, `"outputs": {"a": "integer"}`) {
		t.Errorf("extended schema %s", schema)
	}
	many := map[string]int{}
	for i := range 3 * maxFields {
		many[strings.Repeat("k", 1+i%50)+string(rune('A'+i/50%26))+string(rune('a'+i/1300))] = i
	}
	raw, err := json.Marshal([]any{map[string]any{"inputs": many}})
	if err != nil {
		t.Fatal(err)
	}
	if schema, err = extendSchema("", read(string(raw))); err != nil || strings.Count(schema, `"integer"`) != maxFields {
		t.Errorf("%d fields are listed, %v; want %d", strings.Count(schema, `"integer"`), err, maxFields)
	}
}

func TestPythonSourceIsFoundAnywhere(t *testing.T) {
	for serialized, ok := range map[string]bool{
		`{"name": "x"}`:                      true,
		`{"call_source": null, "name": "x"}`: true,
		`{"call_source": "return 1"}`:        false,
		`{"ensemble_scorer_data": {"scorers": [{"call_source": "return 1"}]}}`:                                 false,
		`{"memory_augmented_judge_data": {"base_judge": {"builtin_scorer_pydantic_data": {"model": " "}}}}`:    false,
		`{"memory_augmented_judge_data": {"base_judge": {"builtin_scorer_pydantic_data": {"model": "a:/b"}}}}`: true,
		`nope`: false, `1`: false, `null`: false,
	} {
		if _, err := checkSerialized(serialized); (err == nil) != ok {
			t.Errorf("%s: %v; want accepted %v", serialized, err, ok)
		}
	}
}

// FuzzRecords: whatever is accepted is stored as valid JSON objects, and its
// schema can be read back.
func FuzzRecords(f *testing.F) {
	for _, seed := range []string{
		`[{"inputs": {"q": "hi"}, "outputs": {"a": 1}, "expectations": {"e": 1}, "tags": {"t": "1"}}]`,
		`[{"inputs": {"a": {"b": [1, "x", null]}}, "source": {"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}}]`,
		`[{"inputs": {}, "outputs": "x"}, {"inputs": {"inputs": 1e400}}]`, `[{"inputs": {"a": 1, "a": 2}}]`,
		`{}`, `[]`, `[null]`, `[{"inputs": {"\u0000": 1}}]`, `[{"tags": {"mlflow.user": "bob"}}]`, "[{\"inputs\": {\"a\": \"\xff\"}}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		records, err := parseRecords(list)
		if err != nil {
			return
		}
		for _, r := range records {
			if len(r.hash) != 64 || !json.Valid(r.inputs.encode(false)) || !json.Valid(r.tags.encode(false)) || r.outputs != nil && !json.Valid(r.outputs) {
				t.Fatalf("%s became %+v", list, r)
			}
			if again, err := parseObject("inputs", r.inputs.encode(true)); err != nil || len(again) != len(r.inputs) {
				t.Fatalf("inputs %s do not read back: %v", r.inputs.encode(true), err)
			}
			if r.source != nil && !json.Valid(r.source) {
				t.Fatalf("source %s", r.source)
			}
		}
		schema, err := extendSchema("", records)
		if err != nil {
			t.Fatal(err)
		}
		if schema != "" {
			if again, err := extendSchema(schema, records); err != nil || again != schema {
				t.Fatalf("schema %s became %s, %v", schema, again, err)
			}
		}
	})
}
