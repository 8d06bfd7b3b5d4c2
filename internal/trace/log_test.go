package trace

import (
	"math/rand/v2"
	"reflect"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

func TestLogs(t *testing.T) {
	g := gen{rand.New(rand.NewPCG(11, 12))}
	good := &logs.LogRecord{TimeUnixNano: 5, EventName: "gen_ai.evaluation.result", TraceId: g.bytes(16), SpanId: g.bytes(8),
		Attributes: []*common.KeyValue{{Key: "gen_ai.evaluation.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "relevance"}}}},
		Body:       &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: 3}}}
	old := &logs.LogRecord{ObservedTimeUnixNano: 7,
		Attributes: []*common.KeyValue{{Key: "event.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "e"}}}}}
	bad := &logs.LogRecord{TraceId: g.bytes(3)}
	body, err := proto.Marshal(&collector.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{{
		Resource:  &resource.Resource{},
		ScopeLogs: []*logs.ScopeLogs{{Scope: &common.InstrumentationScope{Name: "s"}, LogRecords: []*logs.LogRecord{good, old, bad}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	got, rejected, err := ParseLogs(body)
	if err != nil || rejected != 1 || len(got) != 2 {
		t.Fatalf("%d records, %d rejected, %v", len(got), rejected, err)
	}
	want := LogRecord{Event: "gen_ai.evaluation.result", Time: 5, TraceID: ID(good.TraceId), SpanID: SpanID(good.SpanId),
		Attrs: []Attr{{"gen_ai.evaluation.name", StringValue("relevance")}}, Body: IntValue(3), Source: &Source{Scope: "s"}}
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %+v, want %+v", got[0], want)
	}
	if got[1].Event != "e" || got[1].Time != 7 {
		t.Errorf("got %+v", got[1])
	}

	fromJSON, rejected, err := ParseLogsJSON([]byte(`{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[
		{"timeUnixNano":"5","eventName":"x","traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","body":{"stringValue":"b"}},
		{"observedTimeUnixNano":"9","attributes":[{"key":"event.name","value":{"stringValue":"y"}}]},
		{"traceId":"zz"}]}]}]}`))
	if err != nil || rejected != 1 || len(fromJSON) != 2 || fromJSON[0].Event != "x" || fromJSON[0].SpanID.IsZero() || fromJSON[1].Time != 9 || fromJSON[1].Event != "y" {
		t.Fatalf("%+v, %d, %v", fromJSON, rejected, err)
	}
	if _, _, err := ParseLogs(body[:len(body)-2]); err == nil {
		t.Error("a torn body was read")
	}
}
