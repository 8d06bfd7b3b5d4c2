package score

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

func TestCodec(t *testing.T) {
	full := Score{
		Name: "faithfulness", Kind: Judge, Scorer: "faithfulness/supported", Version: "1", PromptHash: "ab12", Judge: "nova-pro",
		RawLabel: "mostly", RawValue: Some(4), Value: Some(0.75), Explanation: "three of four claims",
		Time: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Latency: 1500 * time.Millisecond, Usage: Usage{900, 40, 123456},
	}
	zero := Score{Name: "exact", Kind: Rule, Scorer: "exact_match", Value: Some(0)}
	failed := Score{Name: "toxicity", Kind: Classifier, Scorer: "toxic", Usage: NoUsage}.Fail("timeout", "no answer in 30 s")
	for _, s := range []Score{full, zero, failed} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s\n gives %+v, %v", b, got, err)
		}
	}
	b, _ := json.Marshal(failed)
	if !strings.Contains(string(b), `"value":null`) {
		t.Errorf("a missing value must be seen to be missing: %s", b)
	}
	b, _ = json.Marshal(zero)
	if !strings.Contains(string(b), `"value":0,`) {
		t.Errorf("a zero must be seen to be zero: %s", b)
	}
}

func TestMissing(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, ok := Some(v).Get(); ok {
			t.Errorf("%v is a judgement", v)
		}
	}
	s := Score{Value: Some(1), RawValue: Some(5)}.Fail("parse", "")
	if !s.Missing() || !s.RawValue.IsZero() || s.Value.Or(-7) != -7 {
		t.Errorf("%+v", s)
	}
}

func TestRefused(t *testing.T) {
	for _, j := range []string{
		``, `[]`, `{}`, `{"name":"a"}`, `{"name":"a","scorer":"b","value":1.5}`, `{"name":"a","scorer":"b","value":-0.1}`,
		`{"name":"a","scorer":"b","value":"0.5"}`, `{"name":"a","scorer":"b","kind":"oracle"}`, `{"name":"a","scorer":"b","value":1e999}`,
		`{"name":"a","scorer":"b","value":1,"error":{"code":"x"}}`,
	} {
		if s, err := Decode([]byte(j)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %+v, %v", j, s, err)
		}
	}
}

func TestScale(t *testing.T) {
	likert := Scale{Labels: []Label{{"None", 0}, {"Some", 1}, {"All of it", 2}}}
	stars := Scale{Min: 1, Max: 5}
	harm := Scale{Min: 0, Max: 1, Lower: true}
	for _, c := range []struct {
		scale Scale
		raw   float64
		want  float64
	}{{likert, 1, 0.5}, {stars, 1, 0}, {stars, 4, 0.75}, {harm, 0, 1}, {harm, 1, 0}, {Binary, 1, 1}} {
		if got, err := c.scale.Normalise(c.raw); err != nil || got != Some(c.want) {
			t.Errorf("%+v of %v: %v, %v", c.scale, c.raw, got, err)
		}
	}
	for _, bad := range []struct {
		scale Scale
		raw   float64
	}{{stars, 0}, {stars, 6}, {stars, math.NaN()}, {Scale{}, 0}} {
		if got, err := bad.scale.Normalise(bad.raw); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v is on %+v as %v", bad.raw, bad.scale, got)
		}
	}
	if raw, value, err := likert.Label(" **all of it**.\n"); err != nil || raw != Some(2) || value != Some(1) {
		t.Error(raw, value, err)
	}
	if _, _, err := likert.Label("most"); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func TestSummarise(t *testing.T) {
	in := []Score{
		{Name: "a", Value: Some(0.5), Usage: Usage{10, 1, 100}},
		{Name: "a", Value: Some(1), Usage: NoUsage},
		Score{Name: "a"}.Fail("timeout", ""),
		Score{Name: "a"}.Fail("timeout", ""),
		{Name: "a"}, // missing without a reason
		Score{Name: "b"}.Fail("parse", ""),
	}
	got := Summarise(slices.Values(in))
	a, b := got["a"], got["b"]
	if a.N != 2 || a.Missing != 3 || a.Mean != Some(0.75) || a.Min != Some(0.5) || a.Max != Some(1) ||
		a.Errors["timeout"] != 2 || a.Errors["unknown"] != 1 || a.Usage != (Usage{10, 1, 100}) || a.Unpriced != 1 {
		t.Errorf("%+v", a)
	}
	if b.N != 0 || b.Missing != 1 || !b.Mean.IsZero() || !b.Min.IsZero() {
		t.Errorf("the mean of nothing is %+v", b)
	}
	// 0.1 ten times is one, not almost one.
	var s Summary
	for range 10 {
		s.Add(Score{Value: Some(0.1)})
	}
	if s.Mean != Some(0.1) {
		t.Errorf("%v", s.Mean)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"a","scorer":"b","kind":"human","value":0.5,"rawValue":3,"usage":{"input":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(b)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(again); err != nil || got.Value != s.Value || got.Name != s.Name {
			t.Fatalf("%s became %s: %v", b, again, err)
		}
	})
}
