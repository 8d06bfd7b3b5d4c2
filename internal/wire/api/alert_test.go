package api

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/assayhq/assay/internal/alert"
)

// FuzzAlertSpec decodes rules as they come over the wire. Whatever passes the
// checks can be spoken of, and comes back as it was.
func FuzzAlertSpec(f *testing.F) {
	for _, seed := range []string{
		`{"name":"errors","signal":"error_rate","fire":0.05,"clear":0.03,"window_ms":600000,"min_traces":50,"channel_ids":["a","a"]}`,
		`{"name":"few","signal":"volume","comparison":"below","fire":1,"window_ms":60000,"dimension":"tag","key":"env","value":"prod","experiment_ids":["2","1"]}`,
		`{"name":"s","signal":"score","score":"faithfulness","comparison":"below","fire":-0.0,"clear":1e300,"window_ms":86400000,"for_ms":86400000,"no_data":"alert","remind_ms":300000,"severity":"critical","enabled":false}`,
		`{"name":"x","signal":"latency_p95","fire":1e308,"window_ms":9223372036854775807,"for_ms":-9223372036854775808}`,
		`{"name":"\u0000","signal":"cost","fire":-1}`, `{"window_ms":60000.5}`, `[]`, `{`, `{"fire":"NaN"}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var in alertSpec
		if json.Unmarshal(data, &in) != nil {
			return
		}
		spec, enabled := in.spec()
		if spec.Check() != nil {
			return
		}
		if math.IsNaN(spec.Fire) || math.IsInf(spec.Fire, 0) || spec.Window <= 0 || spec.For < 0 {
			t.Fatalf("passed the check: %+v", spec)
		}
		if spec.Sentence("all experiments") == "" {
			t.Error("nothing to say")
		}
		again := specOf(&spec, enabled)
		text, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		var back alertSpec
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		second, on := back.spec()
		if err := second.Check(); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if second.Scope.Experiments == nil {
			second.Scope.Experiments = spec.Scope.Experiments
		}
		if norm(second) != norm(spec) || on != enabled {
			t.Errorf("%+v came back as %+v", spec, second)
		}
		if !reflect.DeepEqual(second.Condition, spec.Condition) {
			t.Errorf("%+v came back as %+v", spec.Condition, second.Condition)
		}
	})
}

// norm is a spec as JSON, in which no list and an empty one are the same.
func norm(s alert.Spec) string {
	b, _ := json.Marshal(s)
	return string(b)
}
