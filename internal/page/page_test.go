package page

import (
	"math"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

// same compares keys bit by bit, so that NaN equals itself and -0 is not 0.
func same(a, b Key) bool {
	fa, fb := math.Float64bits(a.Float), math.Float64bits(b.Float)
	a.Float, b.Float = 0, 0
	return a == b && fa == fb
}

func TestRoundTrip(t *testing.T) {
	q := NewQuery("runs/search", "metrics.a > 1", "start_time DESC")
	text, number := "é", int64(7)
	keys := []Key{
		NullKey(), StringKey(""), StringKey("a'\"日\x01"), StringKey(strings.Repeat("x", 9000)),
		IntKey(math.MinInt64), IntKey(math.MaxInt64), IntKey(0),
		FloatKey(math.NaN()), FloatKey(math.Inf(-1)), FloatKey(math.Inf(1)), FloatKey(math.Copysign(0, -1)), FloatKey(0.1),
		OptionalString(&text), OptionalString(nil), OptionalInt(&number), OptionalFloat(nil),
	}
	token := Encode(q, keys...)
	if strings.ContainsAny(token, "+/= &?") {
		t.Errorf("%q is not safe in a URL", token)
	}
	got, err := Decode(token, q, len(keys))
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		if !same(k, got[i]) {
			t.Errorf("key %d: %+v, want %+v", i, got[i], k)
		}
	}
	if first, err := Decode("", q, 3); first != nil || err != nil {
		t.Error("first page:", first, err)
	}
}

func TestRefused(t *testing.T) {
	q := NewQuery("a", "b")
	good := Encode(q, IntKey(5), StringKey("x"))
	flipped := []byte(good)
	flipped[len(flipped)/2] ^= 1
	for name, try := range map[string]func() ([]Key, error){
		"another query":    func() ([]Key, error) { return Decode(good, NewQuery("ab", ""), 2) },
		"another key list": func() ([]Key, error) { return Decode(good, q, 3) },
		"damaged":          func() ([]Key, error) { return Decode(string(flipped), q, 2) },
		"cut":              func() ([]Key, error) { return Decode(good[:len(good)-2], q, 2) },
		"MLflow's own":     func() ([]Key, error) { return Decode("eyJvZmZzZXQiOiAxMDB9", q, 2) },
		"padding":          func() ([]Key, error) { return Decode(good+"=", q, 2) },
		"not base64":       func() ([]Key, error) { return Decode("!!!", q, 2) },
		"huge":             func() ([]Key, error) { return Decode(strings.Repeat("A", maxToken+1), q, 2) },
	} {
		if keys, err := try(); !fault.Is(err, fault.Invalid) || keys != nil {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
	}
}

func TestQueryParts(t *testing.T) {
	if NewQuery("ab", "c") == NewQuery("a", "bc") || NewQuery("a") == NewQuery("a", "") {
		t.Error("parts run together")
	}
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		asked, want int
		ok          bool
	}{{0, 100, true}, {1, 1, true}, {500, 500, true}, {501, 0, false}, {-1, 0, false}} {
		got, err := Limit("max_results", c.asked, 100, 500)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%d: %d, %v", c.asked, got, err)
		}
	}
	if Clamp(0, 100, 500) != 100 || Clamp(-4, 100, 500) != 100 || Clamp(900, 100, 500) != 500 || Clamp(7, 100, 500) != 7 {
		t.Error("clamp")
	}
}

func FuzzDecode(f *testing.F) {
	q := NewQuery("fuzz")
	f.Add(Encode(q, StringKey("a"), IntKey(-1), FloatKey(math.NaN()), NullKey()), 4)
	f.Add("AQ", 0)
	f.Fuzz(func(t *testing.T, token string, n int) {
		keys, err := Decode(token, q, n)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		if token != "" && len(keys) != n {
			t.Fatalf("%q decodes to %v, not %d keys", token, keys, n)
		}
	})
}

// FuzzKeys reaches behind the checksum.
func FuzzKeys(f *testing.F) {
	f.Add([]byte{1, 3, 'a', 'b', 'c', 2, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, ok := decodeKeys(b)
		if !ok {
			return
		}
		q := NewQuery("x")
		again, err := Decode(Encode(q, keys...), q, len(keys))
		if err != nil {
			t.Fatal(err)
		}
		for i := range keys {
			if !same(keys[i], again[i]) {
				t.Fatalf("%+v became %+v", keys[i], again[i])
			}
		}
	})
}
