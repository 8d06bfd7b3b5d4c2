package mlflow

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzAppendText(f *testing.F) {
	for _, s := range []string{"", "plain", "q\"b\\n\n\r\t\x00\x1f", "é日😀\u2028", "\xff\xc3", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(appendText(nil, s), &back); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if utf8.ValidString(s) && back != s {
			t.Fatalf("%q came back as %q", s, back)
		}
	})
}

func TestNumbersComeBackAsTheyWere(t *testing.T) {
	for _, v := range []float64{0, 1, -1, 0.1, 1.0 / 3, 1e21, 1e-7, 123456789012345680, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN()} {
		text := appendFloat(nil, v)
		var back Float
		if err := back.UnmarshalJSON(text); err != nil || float64(back) != v && !(math.IsNaN(v) && math.IsNaN(float64(back))) {
			t.Errorf("%v became %s and %v (%v)", v, text, back, err)
		}
		if text[0] != '"' && !strings.ContainsAny(string(text), ".e") {
			t.Errorf("%s is no float to Python", text)
		}
	}
}

func TestBareNumbersOfPython(t *testing.T) {
	var req struct {
		A, B, C Float
		S       string
	}
	if err := decodeJSON([]byte(`{"a": NaN, "s": "NaN, \"Infinity\" -Infinity", "b":-Infinity,"c":Infinity}`), &req); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(float64(req.A)) || !math.IsInf(float64(req.B), -1) || !math.IsInf(float64(req.C), 1) || req.S != `NaN, "Infinity" -Infinity` {
		t.Errorf("read %+v", req)
	}
}
