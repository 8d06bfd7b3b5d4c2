package sqlstore

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// readRows reads rows of a text, a number, an integer and a nullable text.
func readRows(s string) (out [][]any, err error) {
	var r rowReader
	err = r.rows(s, func() {
		row := []any{r.String(), r.Float(), r.Int()}
		if r.Null() {
			row = append(row, nil)
		} else {
			row = append(row, r.String())
		}
		out = append(out, row)
	})
	return out, err
}

func TestRowReader(t *testing.T) {
	for _, s := range []string{
		`[]`, `null`, ``, ` [ ] `,
		`[["a",1.5,2,null]]`, `[["a",1e308,-9223372036854775808,"x"],["",0,9223372036854775807,""]]`,
		"[[\"é\\u00e9\\ud83d\\ude00 \\\"\\\\\\/\\b\\f\\n\\r\\t\",-1.7976931348623157e+308,0,null],\n [\"b\" , 5e-324 , 1 , \"\\u0000\"]]",
		`[["lone \ud800 surrogate",1,1,"\ud800x"]]`,
	} {
		got, err := readRows(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		var want [][]any
		if strings.TrimSpace(s) != "" {
			if err := json.Unmarshal([]byte(s), &want); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d rows", s, len(got))
		}
		for i := range want {
			if got[i][0] != want[i][0] || got[i][1] != want[i][1] || got[i][3] != want[i][3] {
				t.Errorf("%q: %v, want %v", s, got[i], want[i])
			}
		}
	}
	for _, s := range []string{
		`[`, `[[`, `[["a"`, `[["a",1,1]]`, `[["a",1,1,null,5]]`, `[["a",1,1,nul]]`, `[["a","b",1,null]]`, `[["a",1,1.5,null]]`,
		`[["a\`, `[["\u12`, `[["\x",1,1,null]]`, `{"a":1}`, `[["a",1,1,null] ["a",1,1,null]]`, `7`, `[["a",1,1,null,]]`,
	} {
		if got, err := readRows(s); err == nil {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

func FuzzRowReader(f *testing.F) {
	for _, s := range []string{`[["a",1.5,2,null]]`, `[["\ud83d\ude00",-1e3,7,"x"]]`, `[["a",1,1,nul`, `[[`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := readRows(s)
		if err != nil || strings.TrimSpace(s) == "" || !utf8.ValidString(s) {
			return // broken text stays as it is, where encoding/json mends it
		}
		var want [][]any
		if json.Unmarshal([]byte(s), &want) != nil {
			return // it is laxer about numbers and control characters
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d rows, want %d", s, len(got), len(want))
		}
		for i := range want {
			if len(want[i]) == 4 && !strings.Contains(s, `\`) && (got[i][0] != want[i][0] || !reflect.DeepEqual(got[i][1], want[i][1]) && !math.IsNaN(got[i][1].(float64))) {
				t.Fatalf("%q: %v, want %v", s, got[i], want[i])
			}
		}
	})
}
