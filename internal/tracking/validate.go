package tracking

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

// Limits of what can be logged; lengths count characters.
const (
	MaxBatchMetrics     = 1000
	MaxBatchParams      = 100
	MaxBatchTags        = 100
	MaxBatchTotal       = 1000
	MaxKey              = 250
	MaxParamValue       = 6000
	MaxTagValue         = 8000
	MaxExperimentName   = 500
	MaxExperimentTag    = 20000
	MaxArtifactLocation = 2048
	MaxBatchDatasets    = 1000
	maxDatasetName      = 500
	maxDatasetDigest    = 36
	maxDatasetSchema    = 1048575
	maxDatasetSource    = 65535
	maxDatasetProfile   = 16777215
	maxInputTagKey      = 255
	maxInputTagValue    = 500
)

var (
	runIDPattern = regexp.MustCompile(`^[a-zA-Z0-9][\p{L}\p{N}_\-]{0,255}$`)
	namePattern  = regexp.MustCompile(`^[/\p{L}\p{N}_.\- :]*$`)
)

const badCharacters = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."

// badValue words a refused value as clients of MLflow know it.
func badValue(path string, value any, why string) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if f, ok := value.(string); ok && len(f) > 1000 {
		value = f[:1000]
	}
	_ = enc.Encode(value) // only strings and numbers get here
	if why == "" {
		return fault.Invalidf("Invalid value %s for parameter '%s' supplied.", strings.TrimSpace(b.String()), path)
	}
	return fault.Invalidf("Invalid value %s for parameter '%s' supplied: %s", strings.TrimSpace(b.String()), path, why)
}

// checkName refuses names that could not be file names, or would be other
// ones: clients store metrics, params and tags as files at times.
func checkName(at, name string) error {
	if plainName(name) {
		return nil
	}
	if !namePattern.MatchString(name) {
		return badValue(at, name, badCharacters)
	}
	if clean := path.Clean(name); name == "" || clean != name || clean == "." || strings.HasPrefix(clean, "..") || clean[0] == '/' {
		if strings.HasPrefix(name, "//") && !strings.HasPrefix(name, "///") {
			clean = "/" + clean // POSIX gives exactly two leading slashes a meaning
		}
		return badValue(at, name, fmt.Sprintf("Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '%s'", clean))
	}
	return nil
}

// plainName is the common case without a regular expression.
func plainName(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// tooLong reports whether s has more than limit characters.
func tooLong(s string, limit int) bool {
	return len(s) > limit && utf8.RuneCountInString(s) > limit
}

func checkLength(what string, limit int, s string) error {
	if tooLong(s, limit) {
		return fault.Invalidf("'%s' exceeds the maximum length of %d characters", what, limit)
	}
	return checkNUL(what, s)
}

// checkNUL refuses a NUL character: PostgreSQL has no text with one.
func checkNUL(what, s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fault.Invalidf("'%s' contains a NUL character", what)
	}
	return nil
}

// truncated cuts s to limit characters, as MLflow does with long values unless
// told otherwise.
func truncated(s string, limit int) string {
	if !tooLong(s, limit) {
		return s
	}
	n := 0
	for i := range s {
		if n == limit {
			return s[:i]
		}
		n++
	}
	return s
}

func checkRunID(at, runID string) error {
	if !runIDPattern.MatchString(runID) {
		return badValue(at, runID, "")
	}
	return nil
}

// ParseExperimentID reads an experiment id, a decimal number.
func ParseExperimentID(s string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		if len(s) > 100 {
			s = s[:100] + "…"
		}
		return 0, fault.Invalidf("Invalid experiment ID '%s'. Experiment ID must be a valid integer.", s)
	}
	return id, nil
}

// ParseExperimentIDs reads each of ids.
func ParseExperimentIDs(ids []string) ([]int64, error) {
	out := make([]int64, len(ids))
	for i, s := range ids {
		var err error
		if out[i], err = ParseExperimentID(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}
