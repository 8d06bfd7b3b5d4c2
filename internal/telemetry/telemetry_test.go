package telemetry

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

func TestLogKeepsSecretsOut(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var buf bytes.Buffer
		log, err := NewLog(&buf, LogConfig{Format: format})
		if err != nil {
			t.Fatal(err)
		}
		log.Info("call", "password", "hidden1", "Authorization", "hidden2", "session_cookie", "hidden3", "api_key", "hidden4",
			slog.Group("request", "client_secret", "hidden5"), "tokens", 17, "path", "/shown", "any_token", []string{"hidden6"})
		log.Debug("not at this level")
		out := buf.String()
		if strings.Contains(out, "hidden") || !strings.Contains(out, "/shown") || !strings.Contains(out, "17") || strings.Contains(out, "not at this level") {
			t.Errorf("%s: %s", format, out)
		}
	}
}

func TestLogRefusesUnknownOptions(t *testing.T) {
	for _, cfg := range []LogConfig{{Level: "loud"}, {Format: "xml"}} {
		if _, err := NewLog(&bytes.Buffer{}, cfg); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("v1")
	m.Gauge("assay_test_gauge", "A gauge.", func() float64 { return 42 })
	for range 3 {
		m.Began()
		m.Ended("GET /a/{b}", 200, 3*time.Millisecond)
	}
	m.Began()
	m.Ended("GET /a/{b}", 404, time.Millisecond)
	m.Began()
	m.Panicked()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`assay_http_request_seconds_count{route="GET /a/{b}",status="200"} 3`,
		`assay_http_request_seconds_bucket{route="GET /a/{b}",status="200",le="0.0025"} 0`,
		`assay_http_request_seconds_bucket{route="GET /a/{b}",status="200",le="0.005"} 3`,
		`assay_http_request_seconds_count{route="GET /a/{b}",status="404"} 1`,
		`assay_http_requests_in_flight 1`, `assay_http_panics_total 1`, `assay_test_gauge 42`, `assay_build_info{version="v1"} 1`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}
