package trace

import (
	"math"

	"github.com/assayhq/assay/internal/fault"
)

// LogRecord is one record of an OTLP logs request. Conventions for generative
// models send what does not fit a span this way, under an event name.
type LogRecord struct {
	Event   string // event name; "" for a plain log line
	Time    int64  // unix nanoseconds; when observed, if the event has no time
	TraceID ID     // zero for none
	SpanID  SpanID
	Attrs   []Attr
	Body    Value
	Source  *Source
}

// ParseLogs decodes the protobuf form of an ExportLogsServiceRequest. Records
// with a broken id or value are left out and counted.
func ParseLogs(body []byte) (records []LogRecord, rejected int, err error) {
	d := decoder{budget: maxRequestNodes}
	err = eachMessage(body, 1, func(group []byte) error {
		var resource []Attr
		err := eachMessage(group, 1, func(m []byte) error {
			attrs, err := d.attrList(string(m), 1)
			resource = append(resource, attrs...)
			return err
		})
		if err != nil {
			return err
		}
		return eachMessage(group, 2, func(scope []byte) error {
			src := &Source{Resource: resource}
			if err := eachMessage(scope, 1, func(m []byte) error { return src.scope(string(m)) }); err != nil {
				return err
			}
			return eachMessage(scope, 2, func(m []byte) error {
				if err := d.take(1); err != nil {
					return err
				}
				r := LogRecord{Source: src}
				err := d.logRecord(&r, string(m))
				switch {
				case err == nil:
					records = append(records, r)
				case fault.Is(err, fault.TooLarge) || err == errMalformed:
					return err
				default:
					rejected++
				}
				return nil
			})
		})
	})
	if err != nil {
		return nil, 0, err
	}
	return records, rejected, nil
}

// eventNameAttr named events before LogRecord had a field for it.
const eventNameAttr = "event.name"

func (d *decoder) logRecord(l *LogRecord, msg string) error {
	var observed int64
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if err != nil {
			return err
		}
		if !more {
			l.finish(observed)
			return nil
		}
		switch {
		case f.num == 1 && f.wire == wireFixed64:
			err = nanos(&l.Time, f.u64, "log")
		case f.num == 11 && f.wire == wireFixed64:
			err = nanos(&observed, f.u64, "log")
		case f.num == 5 && f.wire == wireBytes:
			err = d.value(&l.Body, f.data, 0)
		case f.num == 6 && f.wire == wireBytes:
			var a Attr
			if err = d.take(1); err == nil {
				a, err = d.attr(f.data, 0)
				l.Attrs = append(l.Attrs, a)
			}
		case f.num == 9 && f.wire == wireBytes:
			err = idField(l.TraceID[:], f.data, "trace")
		case f.num == 10 && f.wire == wireBytes:
			err = idField(l.SpanID[:], f.data, "span")
		case f.num == 12 && f.wire == wireBytes:
			l.Event = text(f.data)
		}
		if err != nil {
			return err
		}
	}
}

func (l *LogRecord) finish(observed int64) {
	if l.Time == 0 {
		l.Time = observed
	}
	if l.Event == "" {
		if v, ok := Lookup(l.Attrs, eventNameAttr); ok {
			l.Event = v.Text()
		}
	}
}

type jsonLogs struct {
	ResourceLogs []struct {
		Resource  struct{ Attributes []jsonAttr }
		ScopeLogs []struct {
			Scope      struct{ Name, Version string }
			LogRecords []struct {
				TimeUnixNano         jsonUint
				ObservedTimeUnixNano jsonUint
				EventName            string
				Body                 jsonValue
				Attributes           []jsonAttr
				TraceID              string `json:"traceId"`
				SpanID               string `json:"spanId"`
			}
		}
	}
}

// ParseLogsJSON decodes the JSON form of an ExportLogsServiceRequest.
func ParseLogsJSON(body []byte) (records []LogRecord, rejected int, err error) {
	var in jsonLogs
	if err := decodeOTLP(body, &in, "logs"); err != nil {
		return nil, 0, err
	}
	c := jsonConverter{budget: maxRequestNodes}
	for _, rl := range in.ResourceLogs {
		resource := c.attrs(rl.Resource.Attributes, 0)
		for _, sl := range rl.ScopeLogs {
			src := &Source{Resource: resource, Scope: sl.Scope.Name, Version: sl.Scope.Version}
			for i := range sl.LogRecords {
				rec := &sl.LogRecords[i]
				c.err = nil
				l := LogRecord{Event: rec.EventName, Attrs: c.attrs(rec.Attributes, 0), Body: c.value(&rec.Body, 0), Source: src}
				c.nanos(&l.Time, rec.TimeUnixNano, "log")
				c.id(l.TraceID[:], rec.TraceID, "trace")
				c.id(l.SpanID[:], rec.SpanID, "span")
				if c.budget < 0 {
					return nil, 0, errTooMany
				}
				if c.err != nil {
					rejected++
					continue
				}
				l.finish(int64(min(uint64(rec.ObservedTimeUnixNano), math.MaxInt64)))
				records = append(records, l)
			}
		}
	}
	return records, rejected, nil
}
