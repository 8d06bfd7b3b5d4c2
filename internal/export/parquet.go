package export

import (
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// row is a span in Parquet. What nests is JSON text. Missing is null, never 0.
type row struct {
	TraceID       string   `parquet:"trace_id,dict"` // tr- and 32 hexadecimal digits
	SpanID        string   `parquet:"span_id"`
	ParentSpanID  *string  `parquet:"parent_span_id,optional"`
	ExperimentID  string   `parquet:"experiment_id,dict"`
	Name          string   `parquet:"name,dict"`
	Type          *string  `parquet:"type,optional,dict"`
	Status        string   `parquet:"status,dict"` // OK, ERROR, UNSET
	StatusMessage *string  `parquet:"status_message,optional"`
	Start         int64    `parquet:"start_time,timestamp(nanosecond)"`
	End           *int64   `parquet:"end_time,optional,timestamp(nanosecond)"` // null while open
	DurationMS    *float64 `parquet:"duration_ms,optional"`
	Session       *string  `parquet:"session,optional,dict"`
	User          *string  `parquet:"user,optional,dict"`
	Model         *string  `parquet:"model,optional,dict"`
	Provider      *string  `parquet:"provider,optional,dict"`
	Agent         *string  `parquet:"agent,optional,dict"`
	Tool          *string  `parquet:"tool,optional,dict"`
	Node          *string  `parquet:"node,optional,dict"`
	TokensIn      *int64   `parquet:"input_tokens,optional"`
	TokensOut     *int64   `parquet:"output_tokens,optional"`
	TokensTotal   *int64   `parquet:"total_tokens,optional"`
	CacheRead     *int64   `parquet:"cache_read_tokens,optional"`
	CacheWrite    *int64   `parquet:"cache_write_tokens,optional"`
	Reasoning     *int64   `parquet:"reasoning_tokens,optional"`
	CostUSD       *float64 `parquet:"cost_usd,optional"`
	Input         *string  `parquet:"input,optional"`
	Output        *string  `parquet:"output,optional"`
	Attributes    string   `parquet:"attributes"`      // JSON object
	Events        *string  `parquet:"events,optional"` // JSON list of {time_unix_nano, name, attributes}
	Links         *string  `parquet:"links,optional"`  // JSON list of {trace_id, span_id, attributes}
	Resource      *string  `parquet:"resource,optional,dict"`
	Scope         *string  `parquet:"scope,optional,dict"`
}

// A row group ends when it holds this much text, or so many rows.
const (
	groupBytes = 16 << 20
	groupRows  = 50_000
)

type parquetWriter struct {
	w    *parquet.GenericWriter[row]
	size int
	rows int
}

func newParquet(w io.Writer) Writer {
	return &parquetWriter{w: parquet.NewGenericWriter[row](w, parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.CreatedBy("assay", "1", ""), parquet.PageBufferSize(256<<10))}
}

func (p *parquetWriter) Write(s Span) error {
	r := rowOf(s)
	if _, err := p.w.Write([]row{r}); err != nil {
		return err
	}
	p.rows++
	p.size += len(s.Raw) + 512
	if p.rows >= groupRows || p.size >= groupBytes {
		p.rows, p.size = 0, 0
		return p.w.Flush()
	}
	return nil
}

func (p *parquetWriter) Close() error { return p.w.Close() }

func rowOf(s Span) row {
	c := &s.Columns
	r := row{TraceID: s.TraceID.String(), SpanID: s.ID.String(), ExperimentID: s.Experiment, Name: s.Name,
		Type: known(c.Type), Status: tracing.StatusName(s.Status), StatusMessage: known(s.StatusMessage), Start: s.Start,
		Session: known(s.Session), User: known(s.User), Model: known(c.Model), Provider: known(c.Provider), Agent: known(c.Agent),
		Tool: known(c.Tool), Node: known(c.Node), TokensIn: count(c.Tokens.Input), TokensOut: count(c.Tokens.Output), TokensTotal: count(c.Tokens.Total),
		CacheRead: count(c.Tokens.CacheRead), CacheWrite: count(c.Tokens.CacheWrite), Reasoning: count(c.Tokens.Reasoning),
		Input: known(c.Input), Output: known(c.Output), Attributes: string(trace.AppendJSONAttrs(nil, s.Attrs))}
	if !s.Parent.IsZero() {
		r.ParentSpanID = known(s.Parent.String())
	}
	if s.End != 0 {
		ms := float64(s.End-s.Start) / 1e6
		r.End, r.DurationMS = &s.End, &ms
	}
	if c.Cost.Total >= 0 {
		usd := float64(c.Cost.Total) / 1e12
		r.CostUSD = &usd
	}
	if s.Source != nil {
		r.Resource, r.Scope = known(string(trace.AppendJSONAttrs(nil, s.Source.Resource))), known(s.Source.Scope)
	}
	r.Events, r.Links = known(events(s.Events)), known(links(s.Links))
	return r
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func count(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

func events(list []trace.Event) string {
	if len(list) == 0 {
		return ""
	}
	b := []byte{'['}
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		b = appendNumber(b, "time_unix_nano", list[i].Time)
		b = appendText(b, "name", list[i].Name)
		b = append(trace.AppendJSONAttrs(key(b, "attributes"), list[i].Attrs), '}')
	}
	return string(append(b, ']'))
}

func links(list []trace.Link) string {
	if len(list) == 0 {
		return ""
	}
	b := []byte{'['}
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		b = appendText(b, "trace_id", list[i].TraceID.String())
		b = appendText(b, "span_id", list[i].SpanID.String())
		b = append(trace.AppendJSONAttrs(key(b, "attributes"), list[i].Attrs), '}')
	}
	return string(append(b, ']'))
}
