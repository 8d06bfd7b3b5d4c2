package tracking

import (
	"math"
	"path"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

func TestNames(t *testing.T) {
	for _, name := range []string{"a", "A_b-c", "a/b", "a.b c:d", "ünïcode", "日本", "val/loss.1", "a..", ".a"} {
		if err := checkName("key", name); err != nil {
			t.Errorf("%q is refused: %v", name, err)
		}
	}
	for name, words := range map[string]string{
		"..a": "resolve to '..a'", "": "resolve to '.'", ".": "resolve to '.'", "..": "resolve to '..'", "a/../b": "resolve to 'b'", "/a": "resolve to '/a'", "a/": "resolve to 'a'",
		"a//b": "resolve to 'a/b'", "./a": "resolve to 'a'", "../a": "resolve to '../a'", "//a": "resolve to '//a'",
		"a$b": "may only contain", "a\nb": "may only contain", "a\\b": "may only contain", "a\x00": "may only contain", "😀": "may only contain",
	} {
		err := checkName("metrics[2].name", name)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "'metrics[2].name'") {
			t.Errorf("%q: %v, want %q", name, err, words)
		}
	}
}

func TestTruncated(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"ééé", 3, "ééé"}, {"éééé", 3, "ééé"}, {"", 0, ""}, {"日本語", 1, "日"}} {
		if got := truncated(c.text, c.limit); got != c.want {
			t.Errorf("%q to %d: %q", c.text, c.limit, got)
		}
	}
}

func TestExperimentIDs(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "17": 17, " 17 ": 17, "+1": 1, "-3": -3} {
		if got, err := ParseExperimentID(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "1.5", "1e3", "99999999999999999999", strings.Repeat("9", 500)} {
		if _, err := ParseExperimentID(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLaterIsMaximumOfStepTimestampValue(t *testing.T) {
	in := []Metric{ // rising
		{Step: -1, Timestamp: 9, Value: 9}, {Step: 0, Timestamp: 1, Value: math.Inf(-1)}, {Step: 0, Timestamp: 1, Value: -1},
		{Step: 0, Timestamp: 1, Value: math.NaN()}, // counts as 0
		{Step: 0, Timestamp: 1, Value: 1}, {Step: 0, Timestamp: 1, Value: math.Inf(1)}, {Step: 0, Timestamp: 2, Value: 0}, {Step: 1},
	}
	for i := range in {
		for j := range in {
			if got := Later(in[i], in[j]); got != (i > j) {
				t.Errorf("Later(%v, %v) = %v", in[i], in[j], got)
			}
		}
	}
}

func TestGeneratedNamesAreValid(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		name := randomName()
		if err := checkName("key", name); err != nil {
			t.Fatal(err)
		}
		seen[name] = true
	}
	if len(seen) < 190 {
		t.Errorf("only %d names of 200 differ", len(seen))
	}
}

func TestLocations(t *testing.T) {
	for _, ok := range []string{"", "mlflow-artifacts:/a/b", "s3://bucket/a?x=1", "hdfs://h/p", "/local/path", "mlflow-artifacts:/a..b"} {
		if err := checkLocation(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{"mlflow-artifacts:/../x", "mlflow-artifacts:/a/..", "mlflow-artifacts:/%2e%2e/x", "mlflow-artifacts:/a?b", "s3://b/x#../y", "x\x00", strings.Repeat("x", 2049)} {
		if err := checkLocation(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.40s: %v", bad, err)
		}
	}
}

func TestArtifactKeys(t *testing.T) {
	for _, c := range []struct{ workspace, key, want string }{
		{"default", "0/run/artifacts/x", "0/run/artifacts/x"}, {"default", "", ""},
		{"team", "3/x", "workspaces/team/3/x"}, {"team", "workspaces/team/3/x", "workspaces/team/3/x"}, {"team", "", "workspaces/team"},
		{"default", "workspaces/team/3", "!"}, {"team", "workspaces/other/3", "!"}, {"team", "workspaces", "!"}, {"default", ".assay-uploads/x", "!"},
	} {
		got, err := scoped(c.workspace, c.key)
		if (c.want == "!") != fault.Is(err, fault.Invalid) || err == nil && got != c.want {
			t.Errorf("%s %q: %q, %v", c.workspace, c.key, got, err)
		}
	}
	for root, want := range map[string]string{
		"mlflow-artifacts:/1/r/artifacts": "1/r/artifacts", "mlflow-artifacts://host:5000/1/r": "1/r", "mlflow-artifacts:1/r": "1/r",
		"http://h:5000/api/2.0/mlflow-artifacts/artifacts/1/r": "1/r", "s3://b/k": "!", "/local": "!", "http://h/x": "!", "mlflow-artifacts:/a/%2e%2e/b": "!",
	} {
		got, err := rootKey(root)
		if (want == "!") != (err != nil) || err == nil && got != want {
			t.Errorf("%s: %q, %v", root, got, err)
		}
	}
}

func FuzzCheckPath(f *testing.F) {
	for _, p := range []string{"a/b", "../x", "%2e%2e/x", "%25252e%25252e/x", "a%2f..%2fb", "C:/x", "a b", "100%", "a/./b"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if CheckPath(p) != nil {
			return
		}
		if clean := path.Join("root", p); clean != "root" && !strings.HasPrefix(clean, "root/") {
			t.Fatalf("%q leads to %q", p, clean)
		}
	})
}
