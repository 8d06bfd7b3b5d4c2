package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the numbers behind /metrics. Other packages register their own
// through Registry.
type Metrics struct {
	Registry *prometheus.Registry

	requests *prometheus.HistogramVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter

	// series caches the labelled histograms: the lookup by label values is the
	// costliest part of counting a request.
	series sync.Map // seriesKey -> prometheus.Observer
}

type seriesKey struct {
	route  string
	status int
}

// NewMetrics returns metrics of the process and of HTTP requests; version is a
// label of assay_build_info.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "assay_http_request_seconds",
			Help:    "Duration of HTTP requests by route pattern and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30},
		}, []string{"route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "assay_http_requests_in_flight", Help: "HTTP requests being answered.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "assay_http_panics_total", Help: "HTTP requests whose handler panicked.",
		}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "assay_build_info", Help: "Always 1; the version is in the label.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	m.Registry.MustRegister(m.requests, m.inFlight, m.panics, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Began counts a request in flight.
func (m *Metrics) Began() { m.inFlight.Inc() }

// Ended counts an answered request. route is a pattern, never a path: paths
// are without bound.
func (m *Metrics) Ended(route string, status int, took time.Duration) {
	m.inFlight.Dec()
	key := seriesKey{route, status}
	o, ok := m.series.Load(key)
	if !ok {
		o = m.requests.WithLabelValues(route, strconv.Itoa(status))
		m.series.Store(key, o)
	}
	o.(prometheus.Observer).Observe(took.Seconds())
}

// Panicked counts a handler that panicked.
func (m *Metrics) Panicked() { m.panics.Inc() }

// Handler answers with the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{Registry: m.Registry, MaxRequestsInFlight: 4})
}

// Gauge adds a number that is asked for when metrics are read; value must
// answer soon.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Counter adds a counter with one label and returns what raises it. The values
// of the label must be few.
func (m *Metrics) Counter(name, help, label string) func(value string, n int) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	m.Registry.MustRegister(c)
	return func(value string, n int) { c.WithLabelValues(value).Add(float64(n)) }
}

// CounterFunc is Gauge for a number that only grows; its name ends in _total.
func (m *Metrics) CounterFunc(name, help string, value func() float64) {
	m.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}
