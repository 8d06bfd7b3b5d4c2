package tracing

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

func notFound(id trace.ID) error { return fault.NotFoundf("Trace with ID '%s' is not found.", id) }

func (d Deletion) check() error {
	switch {
	case len(d.IDs) > 0 && (d.Before != 0 || d.Max != 0):
		return fault.Invalidf("Only one of `max_timestamp_millis` (with `max_traces`) and `trace_ids` can be specified.")
	case len(d.IDs) == 0 && d.Before == 0:
		return fault.Invalidf("Either `max_timestamp_millis` or `trace_ids` must be specified.")
	case d.Max < 0:
		return fault.Invalidf("`max_traces` must be a positive number, got %d", d.Max)
	}
	return nil
}

// checkTag checks a tag that a person sets; see [fitTag] for what arrives
// with a trace.
func checkTag(key, value string) error {
	switch {
	case key == "":
		return fault.Invalidf("Missing value for required parameter 'key'.")
	case utf8.RuneCountInString(key) > MaxTagKey:
		return fault.Invalidf("Trace tag key exceeds the maximum length of %d characters", MaxTagKey)
	case utf8.RuneCountInString(value) > MaxTagValue:
		return fault.Invalidf("Trace tag value exceeds the maximum length of %d characters", MaxTagValue)
	case !utf8.ValidString(key + value):
		return fault.Invalidf("a trace tag must be valid UTF-8")
	case strings.ContainsRune(key+value, 0):
		return fault.Invalidf("a trace tag may not contain a NUL character")
	}
	return nil
}

// prepare checks a header and brings it into the form that is stored.
func (s *Service) prepare(info *Info) error {
	switch {
	case info.ID.IsZero():
		return fault.Invalidf("Missing value for required parameter 'trace_id'.")
	case info.RequestTime < 0 || info.RequestTime > maxMillis:
		return fault.Invalidf("request_time %d is out of range", info.RequestTime)
	case info.Duration < -1 || info.Duration > maxMillis:
		return fault.Invalidf("execution_duration %d is out of range", info.Duration)
	}
	if info.State == "" {
		info.State = StateUnspecified
	}
	if _, ok := StateNumber(info.State); !ok {
		return fault.Invalidf("state %q is not one of OK, ERROR, IN_PROGRESS, STATE_UNSPECIFIED", info.State)
	}
	info.Tags = fit(info.Tags)
	info.Metadata = fit(info.Metadata)
	info.Name = info.Tags[TagName]
	info.RequestPreview = clean(info.RequestPreview)
	info.ResponsePreview = clean(info.ResponsePreview)
	info.ClientRequestID = clip(clean(info.ClientRequestID), MaxTagKey)
	for i := range info.Assessments {
		a := &info.Assessments[i]
		a.TraceID = info.ID
		if err := a.prepare(s.cfg.Now().UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

const maxMillis = 1 << 53 // exact in JSON numbers, and far beyond any clock

// StateNumber is the index of st in [States].
func StateNumber(st State) (int, bool) {
	for i, known := range States {
		if known == st {
			return i, true
		}
	}
	return 0, false
}

// fit clips keys and values to the limits, as MLflow's clients do themselves.
func fit(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		if k = clip(clean(k), MaxTagKey); k != "" {
			out[k] = clip(clean(v), MaxTagValue)
		}
	}
	return out
}

// clean makes text that both databases accept.
func clean(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// clip cuts s to n characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// TokensJSON and CostJSON write totals as MLflow's metadata holds them; ""
// when nothing is known.
func TokensJSON(t trace.Tokens) string {
	if t.Input < 0 && t.Output < 0 && t.Total < 0 {
		return ""
	}
	b := fmt.Appendf(nil, `{"input_tokens": %d, "output_tokens": %d, "total_tokens": %d`, max(0, t.Input), max(0, t.Output), max(0, t.Total))
	if t.CacheRead >= 0 {
		b = fmt.Appendf(b, `, "cache_read_input_tokens": %d`, t.CacheRead)
	}
	if t.CacheWrite >= 0 {
		b = fmt.Appendf(b, `, "cache_creation_input_tokens": %d`, t.CacheWrite)
	}
	return string(append(b, '}'))
}

// CostJSON writes dollars.
func CostJSON(c trace.Cost) string {
	if c.Total < 0 {
		return ""
	}
	dollars := func(pico int64) string {
		s := strconv.FormatFloat(float64(max(0, pico))/1e12, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0" // a float in the clients' language
		}
		return s
	}
	return fmt.Sprintf(`{"input_cost": %s, "output_cost": %s, "total_cost": %s}`, dollars(c.Input), dollars(c.Output), dollars(c.Total))
}

// ParseTokens and ParseCost read what [TokensJSON] and [CostJSON] write;
// anything else is unknown.
func ParseTokens(s string) trace.Tokens {
	t := trace.NoTokens
	var m map[string]float64
	if json.Unmarshal([]byte(s), &m) != nil {
		return t
	}
	for key, dst := range map[string]*int64{
		"input_tokens": &t.Input, "output_tokens": &t.Output, "total_tokens": &t.Total,
		"cache_read_input_tokens": &t.CacheRead, "cache_creation_input_tokens": &t.CacheWrite,
	} {
		if v, ok := m[key]; ok && v >= 0 && v < 1<<53 {
			*dst = int64(v)
		}
	}
	return t
}

// ParseCost reads dollars.
func ParseCost(s string) trace.Cost {
	c := trace.NoCost
	var m map[string]float64
	if json.Unmarshal([]byte(s), &m) != nil {
		return c
	}
	for key, dst := range map[string]*int64{"input_cost": &c.Input, "output_cost": &c.Output, "total_cost": &c.Total} {
		if v, ok := m[key]; ok && v >= 0 && v < 9e6 {
			*dst = int64(v*1e12 + 0.5)
		}
	}
	return c
}
