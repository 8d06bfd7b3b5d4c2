package mlflow

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

// timestamp is unix milliseconds; on the wire an RFC 3339 text.
type timestamp int64

func (t *timestamp) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, strings.Trim(s, `"`))
	if err != nil {
		return fault.Invalidf("%s is not a timestamp such as 2026-11-23T09:15:46.099Z", clip(s))
	}
	*t = timestamp(at.UnixMilli())
	return nil
}

// duration is milliseconds; on the wire seconds followed by s.
type duration int64

func (d *duration) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		return nil
	}
	digits, ok := strings.CutSuffix(strings.Trim(s, `"`), "s")
	v, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || math.IsNaN(v) || math.Abs(v) > 315_576_000_000 || strings.ContainsAny(digits, "xXeEpP_") {
		return fault.Invalidf("%s is not a duration such as 1.5s", clip(s))
	}
	*d = duration(math.Floor(v*1000 + 1e-6)) // 0.101 is a hair less in binary
	return nil
}

// appendTime writes unix milliseconds as protobuf's JSON form does: with three
// decimals or none.
func appendTime(b []byte, millis int64) []byte {
	at := time.UnixMilli(millis).UTC()
	layout := `"2006-01-02T15:04:05.000Z"`
	if millis%1000 == 0 {
		layout = `"2006-01-02T15:04:05Z"`
	}
	return at.AppendFormat(b, layout)
}

func appendDuration(b []byte, millis int64) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, millis/1000, 10)
	if rest := millis % 1000; rest != 0 {
		b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	}
	return append(b, 's', '"')
}

func appendMap(b []byte, name string, m map[string]string) []byte {
	if len(m) == 0 {
		return b
	}
	b = append(appendField(b, name), '{')
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = append(appendText(separateFields(b), k), ':')
		b = appendText(b, m[k])
	}
	return append(b, '}')
}

// separateFields writes a comma unless an object has just been opened.
func separateFields(b []byte) []byte {
	if b[len(b)-1] == '{' {
		return b
	}
	return append(b, ',')
}

// answerInfo is the response of the calls that return one header.
func answerInfo(info *tracing.Info) encoded {
	b := appendTraceInfo([]byte(`{"trace":{"trace_info":`), info)
	return append(b, "}}"...)
}

// appendTraceInfo writes a header as MLflow's TraceInfoV3.
func appendTraceInfo(b []byte, info *tracing.Info) []byte {
	b = append(b, '{')
	b = appendTextField(b, "trace_id", info.ID.String())
	if info.ClientRequestID != "" {
		b = appendTextField(b, "client_request_id", info.ClientRequestID)
	}
	b = append(appendField(b, "trace_location"), `{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":`...)
	b = append(appendText(b, info.Experiment), "}}"...)
	b = appendTime(appendField(b, "request_time"), info.RequestTime)
	if info.Duration >= 0 {
		b = appendDuration(appendField(b, "execution_duration"), info.Duration)
	}
	b = appendTextField(b, "state", string(cmp.Or(info.State, tracing.StateUnspecified)))
	b = appendMap(b, "trace_metadata", info.Metadata)
	b = appendList(b, "assessments", info.Assessments, appendAssessment)
	b = appendMap(b, "tags", info.Tags)
	if info.RequestPreview != "" {
		b = appendTextField(b, "request_preview", info.RequestPreview)
	}
	if info.ResponsePreview != "" {
		b = appendTextField(b, "response_preview", info.ResponsePreview)
	}
	return append(b, '}')
}
