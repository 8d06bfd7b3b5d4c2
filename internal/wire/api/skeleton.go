package api

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// skeleton streams the columns, compressed when asked: 32,843 spans are 1.9 MB.
func (t traces) skeleton(w http.ResponseWriter, r *http.Request) error {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return err
	}
	sk, err := t.domain.Skeleton(r.Context(), id)
	if err != nil {
		return err
	}
	b := appendSkeleton(make([]byte, 0, 64*len(sk.IDs)+1024), sk)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Length", strconv.Itoa(len(b)))
		w.Write(b)
		return nil
	}
	h.Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	z.Write(b)
	z.Close() // a client that went away is not our failure
	return nil
}

func appendSkeleton(b []byte, sk *tracing.Skeleton) []byte {
	b = append(b, `{"trace_id":"`+sk.ID.String()+`","n":`...)
	b = strconv.AppendInt(b, int64(len(sk.IDs)), 10)
	b = append(b, `,"start_us":`...)
	b = strconv.AppendInt(b, sk.Start, 10)
	b = appendColumn(b, "span_ids", sk.IDs, func(b []byte, id trace.SpanID) []byte {
		return append(append(append(b, '"'), id.String()...), '"')
	})
	small := func(b []byte, v int32) []byte { return strconv.AppendInt(b, int64(v), 10) }
	wide := func(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }
	for _, c := range []struct {
		name string
		rows []int32
	}{{"parents", sk.Parents}, {"names", sk.Names}, {"types", sk.Types}, {"models", sk.Models}, {"orphans", sk.Orphans}, {"aggregates", sk.Aggregates}} {
		b = appendColumn(b, c.name, c.rows, small)
	}
	b = appendColumn(b, "status", sk.Status, func(b []byte, v trace.Status) []byte { return append(b, '0'+byte(v)) })
	b = appendColumn(b, "starts", sk.Starts, wide)
	b = appendColumn(b, "ends", sk.Ends, wide)
	b = appendColumn(b, "tokens", sk.Tokens, wide)
	b = appendColumn(b, "costs", sk.Costs, func(b []byte, pico int64) []byte {
		if pico < 0 {
			return append(b, "null"...)
		}
		return strconv.AppendFloat(b, float64(pico)/1e12, 'g', -1, 64)
	})
	for _, c := range []struct {
		name string
		rows []string
	}{{"name_table", sk.NameTable}, {"type_table", sk.TypeTable}, {"model_table", sk.ModelTable}} {
		b = appendColumn(b, c.name, c.rows, trace.AppendJSONString)
	}
	return append(b, `,"truncated":false}`...)
}

func appendColumn[T any](b []byte, name string, rows []T, one func([]byte, T) []byte) []byte {
	b = append(append(append(b, `,"`...), name...), `":[`...)
	for i, v := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, v)
	}
	return append(b, ']')
}
