package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/mask"
	"github.com/assayhq/assay/internal/trace"
)

// Masking decides what of arriving traces is kept from the disk. Everything
// that comes in passes through it before anything else looks at it: what is
// indexed, logged, announced or exported later is made of what it left.
type Masking interface {
	// Rules for what arrives in an experiment of the caller's workspace; nil
	// masks nothing. An error refuses what arrives: it is better sent again
	// than kept as it is.
	Rules(ctx context.Context, experiment string) (mask.Masker, error)
}

// maskOf returns the rules for a trace that may exist, nil for none.
func (s *Service) maskOf(ctx context.Context, id trace.ID) (mask.Masker, error) {
	if s.cfg.Masking == nil {
		return nil, nil
	}
	experiment := ""
	if infos, err := s.store.Infos(ctx, []trace.ID{id}); err != nil {
		return nil, err
	} else if len(infos) > 0 {
		experiment = infos[0].Experiment
	}
	return s.cfg.Masking.Rules(ctx, experiment)
}

func (s *Service) maskIn(ctx context.Context, experiment string) (mask.Masker, error) {
	if s.cfg.Masking == nil {
		return nil, nil
	}
	return s.cfg.Masking.Rules(ctx, experiment)
}

// maskSpans masks a batch in place.
func maskSpans(m mask.Masker, spans []trace.Span) {
	if m == nil {
		return
	}
	sources := map[*trace.Source]*trace.Source{}
	var scratch []byte
	for i := range spans {
		s := &spans[i]
		if s.Source != nil {
			masked, ok := sources[s.Source]
			if !ok {
				masked = maskSource(m, s.Source)
				sources[s.Source] = masked
			}
			s.Source = masked
		}
		maskSpan(m, s)
		// What is stored is the encoded form. It is made anew from the fields
		// that were looked at unless it is the same already, so that nothing
		// rides along in a field that nobody knows.
		scratch = trace.AppendSpan(scratch[:0], s)
		if !bytes.Equal(scratch, s.Raw) {
			s.Raw = bytes.Clone(scratch)
		}
	}
}

func maskSource(m mask.Masker, src *trace.Source) *trace.Source {
	out := &trace.Source{Scope: m.Text(src.Scope, mask.Attributes), Version: m.Text(src.Version, mask.Attributes)}
	out.Resource = append(out.Resource, src.Resource...)
	maskAttrs(m, out.Resource)
	return out
}

func maskSpan(m mask.Masker, s *trace.Span) {
	s.Name = m.Text(s.Name, mask.Content)
	s.StatusMessage = m.Text(s.StatusMessage, mask.Content)
	s.State = m.Text(s.State, mask.Attributes)
	maskAttrs(m, s.Attrs)
	for i := range s.Events {
		e := &s.Events[i]
		e.Name = m.Text(e.Name, mask.Content)
		for j := range e.Attrs {
			e.Attrs[j].Key = m.Text(e.Attrs[j].Key, mask.Content)
			maskValue(m, &e.Attrs[j].Value, mask.Content)
		}
	}
	for i := range s.Links {
		s.Links[i].State = m.Text(s.Links[i].State, mask.Attributes)
		maskAttrs(m, s.Links[i].Attrs)
	}
}

func maskAttrs(m mask.Masker, attrs []trace.Attr) {
	for i := range attrs {
		a := &attrs[i]
		switch key := a.Key; {
		case isUserKey(key):
			maskID(m.User, &a.Value)
		case isSessionKey(key):
			maskID(m.Session, &a.Value)
		case key == "metadata" || strings.HasSuffix(key, ".metadata"):
			maskMetadata(m, &a.Value)
		default:
			maskValue(m, &a.Value, fieldOf(key))
		}
		a.Key = m.Text(a.Key, mask.Attributes)
	}
}

// userKeys and sessionKeys are the last words of attributes that the
// normaliser takes for the user or the session.
var (
	userKeys    = []string{"user.id", "user_id", "userid", "trace.user"}
	sessionKeys = []string{"session.id", "session_id", "sessionid", "trace.session", "conversation.id", "conversation_id", "thread_id", "threadid", "chatid"}
)

func isUserKey(key string) bool    { return endsIn(key, userKeys) }
func isSessionKey(key string) bool { return endsIn(key, sessionKeys) }

func endsIn(key string, words []string) bool {
	if len(key) > 80 {
		return false
	}
	key = strings.ToLower(key)
	for _, w := range words {
		if strings.HasSuffix(key, w) {
			return true
		}
	}
	return false
}

// fieldOf tells attributes that carry what went in and out from others.
func fieldOf(key string) mask.Scope {
	for _, word := range [...]string{"nput", "utput", "rompt", "ompletion", "essage", "ontent", "document", "rgument", "esult", "uery", "esponse", "equest", "text", "value"} {
		if strings.Contains(key, word) {
			return mask.Content
		}
	}
	return mask.Attributes
}

// maskID masks an id, which MLflow's exporter writes as a JSON string.
func maskID(one func(string) string, v *trace.Value) {
	if v.Kind == trace.Null {
		return
	}
	text := v.Text()
	if inner := unquote(text); inner != text {
		if masked := one(inner); masked != inner {
			*v = trace.StringValue(string(trace.AppendJSONString(nil, masked)))
		}
		return
	}
	if masked := one(text); masked != text {
		*v = trace.StringValue(masked)
	}
}

// maskMetadata masks the object in which frameworks put user and session.
func maskMetadata(m mask.Masker, v *trace.Value) {
	if v.Kind == trace.Map {
		maskAttrs(m, v.Map)
		return
	}
	if v.Kind == trace.String {
		if inner, err := trace.ParseValue([]byte(v.Str)); err == nil && inner.Kind == trace.Map {
			before := string(inner.AppendJSON(nil))
			maskAttrs(m, inner.Map)
			if after := string(inner.AppendJSON(nil)); after != before {
				*v = trace.StringValue(after)
			}
		}
	}
	maskValue(m, v, mask.Attributes)
}

// longNumber is where a number may be one of a card or an account.
const longNumber = 1e8

func maskValue(m mask.Masker, v *trace.Value, field mask.Scope) {
	switch v.Kind {
	case trace.String, trace.Bytes:
		v.Str = m.Text(v.Str, field)
	case trace.Int:
		if v.Int >= longNumber || v.Int <= -longNumber {
			maskNumber(m, v, strconv.FormatInt(v.Int, 10), field)
		}
	case trace.Float:
		if f := v.Float; math.Abs(f) >= longNumber && math.Abs(f) < 1e19 && f == math.Trunc(f) {
			maskNumber(m, v, strconv.FormatFloat(f, 'f', 0, 64), field)
		}
	case trace.List:
		for i := range v.List {
			maskValue(m, &v.List[i], field)
		}
	case trace.Map:
		for i := range v.Map {
			a := &v.Map[i]
			maskValue(m, &a.Value, field)
			a.Key = m.Text(a.Key, field)
		}
	}
}

func maskNumber(m mask.Masker, v *trace.Value, digits string, field mask.Scope) {
	if masked := m.Text(digits, field); masked != digits {
		*v = trace.StringValue(masked)
	}
}

// maskInfo masks a header in place.
func maskInfo(m mask.Masker, info *Info) {
	if m == nil {
		return
	}
	info.Name = m.Text(info.Name, mask.Content)
	info.ClientRequestID = m.Text(info.ClientRequestID, mask.Attributes)
	info.RequestPreview = m.Text(info.RequestPreview, mask.Content)
	info.ResponsePreview = m.Text(info.ResponsePreview, mask.Content)
	info.Tags = maskTexts(m, info.Tags)
	info.Metadata = maskTexts(m, info.Metadata)
	for i := range info.Assessments {
		maskAssessment(m, &info.Assessments[i])
	}
}

func maskTexts(m mask.Masker, texts map[string]string) map[string]string {
	if texts == nil {
		return nil
	}
	out := make(map[string]string, len(texts))
	for k, v := range texts {
		out[m.Text(k, mask.Attributes)] = maskText(m, k, v)
	}
	return out
}

// maskText masks a tag or a piece of metadata.
func maskText(m mask.Masker, key, value string) string {
	switch {
	case isUserKey(key):
		return m.User(value)
	case isSessionKey(key):
		return m.Session(value)
	case key == TagArtifactLocation || key == TagSpansLocation || key == MetaRun || key == MetaTokens || key == MetaCost || key == MetaSize:
		return value // ours
	}
	return m.Text(value, fieldOf(key))
}

func maskAssessment(m mask.Masker, a *Assessment) {
	if m == nil {
		return
	}
	a.Name = m.Text(a.Name, mask.Content)
	if len(a.Value) > 0 {
		a.Value = json.RawMessage(m.Text(string(a.Value), mask.Content))
		if !json.Valid(a.Value) { // a bare number was masked
			a.Value = json.RawMessage(trace.AppendJSONString(nil, string(a.Value)))
		}
	}
	if a.Rationale != nil {
		text := m.Text(*a.Rationale, mask.Content)
		a.Rationale = &text
	}
	if a.Error != nil {
		a.Error = &AssessmentError{Code: m.Text(a.Error.Code, mask.Content), Message: m.Text(a.Error.Message, mask.Content), Stack: m.Text(a.Error.Stack, mask.Content)}
	}
	a.Source.ID = m.User(a.Source.ID)
	a.Metadata = maskTexts(m, a.Metadata)
}
