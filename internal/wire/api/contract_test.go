package api

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/account"
)

// TestRoutesAreTheContract compares the routes with docs/api/openapi.yaml.
func TestRoutesAreTheContract(t *testing.T) {
	src, err := os.ReadFile("../../../docs/api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var contract []string
	path := ""
	pathLine, methodLine := regexp.MustCompile(`^  (/\S*):$`), regexp.MustCompile(`^    (get|post|put|patch|delete):$`)
	for line := range strings.SplitSeq(string(src), "\n") {
		if line == "components:" {
			break
		}
		if m := pathLine.FindStringSubmatch(line); m != nil {
			path = m[1]
		} else if m := methodLine.FindStringSubmatch(line); m != nil {
			contract = append(contract, strings.ToUpper(m[1])+" "+path)
		}
	}
	s := NewServer(slog.New(slog.DiscardHandler), nil, nil)
	s.ServeSessions((*account.Service)(nil), ServerInfo{})
	s.ServePeople(nil)
	s.ServeExperiments(nil, nil)
	s.ServeRuns(nil, nil, nil, nil)
	s.ServeCompareTables(nil, nil, nil, nil)
	s.ServeTraces(nil, nil, nil)
	s.ServeTraceBulk(nil, nil, nil)
	s.ServeModels(nil, nil)
	s.ServePrompts(nil, nil, nil)
	s.ServeArtifacts(nil, nil, nil)
	s.ServeHome(nil, nil, nil, nil, nil, nil)
	s.ServeJobs(nil)
	s.ServeAlerts(nil)
	s.ServeNotices(nil)
	s.ServeSettings(nil)
	s.ServeImports(nil, nil)
	s.ServeViews(nil)
	s.ServeMasking(nil)
	s.ServeDatasets(nil, nil, nil)
	s.ServeInputs(nil, nil)
	s.ServeLineage(nil)
	s.ServeCare(nil)
	s.ServeExport(nil, nil)
	s.ServeEvents(NewEvents(time.Now))
	var served []string
	for _, r := range s.routes {
		served = append(served, r.method+" "+r.path)
	}
	for _, c := range contract {
		if !slices.Contains(served, c) {
			t.Errorf("not served: %s", c)
		}
	}
	for _, c := range served {
		if !slices.Contains(contract, c) {
			t.Errorf("not in the contract: %s", c)
		}
	}
	if len(contract) < 50 {
		t.Fatalf("only %d operations read from the contract", len(contract))
	}
}

func TestRangeOf(t *testing.T) {
	for _, c := range []struct {
		header         string
		size           int64
		offset, length int64
		partial, fails bool
	}{
		{"", 10, 0, 10, false, false},
		{"bytes=0-3", 10, 0, 4, true, false},
		{"bytes=4-", 10, 4, 6, true, false},
		{"bytes=-3", 10, 7, 3, true, false},
		{"bytes=-30", 10, 0, 10, true, false},
		{"bytes=8-99", 10, 8, 2, true, false},
		{"bytes=10-", 10, 0, 0, false, true},
		{"bytes=5-2", 10, 0, 0, false, true},
		{"bytes=-0", 10, 0, 0, false, true},
		{"bytes=0-", 0, 0, 0, false, true},
		{"bytes=0-1,4-5", 10, 0, 10, false, false},
		{"lines=1-2", 10, 0, 10, false, false},
	} {
		offset, length, partial, err := rangeOf(c.header, c.size)
		if (err != nil) != c.fails || !c.fails && (offset != c.offset || length != c.length || partial != c.partial) {
			t.Errorf("%q of %d: %d+%d %v %v", c.header, c.size, offset, length, partial, err)
		}
	}
}
