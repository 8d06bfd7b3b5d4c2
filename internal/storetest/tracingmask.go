package storetest

import (
	"context"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/mask"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// hides masks one word, and nothing else.
type hides string

func (h hides) Rules(context.Context, string) (mask.Masker, error) { return h, nil }
func (h hides) Text(s string, _ mask.Scope) string {
	return strings.ReplaceAll(s, string(h), "[hidden]")
}
func (h hides) User(id string) string    { return h.Text(id, mask.Everywhere) }
func (h hides) Session(id string) string { return h.Text(id, mask.Everywhere) }

// testImportMasks: what comes from another server is masked as what a sender
// brings is, and compared with what is stored it is the same.
func testImportMasks(t *testing.T, s *tracingSuite) {
	const word = "canary4711"
	service := tracing.New(s.store, s.log(), tracing.Config{Masking: hides(word)})
	said := "because of " + word
	read := func() (tracing.Info, []trace.Span) {
		span := s.span(1, 1, 0, trace.Attr{Key: "gen_ai.prompt", Value: trace.StringValue("who is " + word + "?")})
		return tracing.Info{ID: traceID(1), Experiment: "7", State: tracing.StateOK, RequestTime: 1000, Duration: 5, RequestPreview: word,
			Tags:        map[string]string{"who": word},
			Assessments: []tracing.Assessment{{ID: "a-1", Name: "ok", Kind: tracing.Feedback, Value: []byte("true"), Rationale: &said}}}, []trace.Span{span}
	}
	info, spans := read()
	if err := service.Import(t.Context(), info, spans); err != nil {
		t.Fatal(err)
	}
	here := s.info(t, 1)
	stored := s.spans(t, 1)
	if here.RequestPreview != "[hidden]" || here.Tags["who"] != "[hidden]" || *here.Assessments[0].Rationale != "because of [hidden]" ||
		len(stored) != 1 || strings.Contains(string(stored[0].Raw), word) {
		t.Fatalf("an imported trace keeps what must be masked: %+v, %q", here, stored[0].Raw)
	}
	info, spans = read()
	if err := service.Mask(t.Context(), &info, spans); err != nil || info.RequestPreview != here.RequestPreview ||
		string(trace.AppendJSONAttrs(nil, spans[0].Attrs)) != string(trace.AppendJSONAttrs(nil, stored[0].Attrs)) {
		t.Fatalf("masked, the source differs from what is stored: %+v, %v", info, err)
	}
}
