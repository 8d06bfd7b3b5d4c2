package alert

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

func sample(name string) *Message {
	s := New(nil, Config{BaseURL: func() string { return "https://assay.example/" }})
	r := &Rule{ID: "ar-1", Workspace: "default", Enabled: true, Spec: Spec{Name: name, Severity: Critical, Condition: rate()}}
	r.Status = Status{State: Firing, Value: 0.123456, N: 120, Incident: "in-1", Link: "/w/default/traces?q=status+%3D+%27ERROR%27&from=1&to=2"}
	return s.message(r, eventFiring, "", "experiment finance", 1_700_000_000_000)
}

func TestAMessageSaysWhatAReceiverNeeds(t *testing.T) {
	m := sample("errors")
	body, err := m.webhookBody()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"type": "alert.firing", "time": "2023-11-14T22:13:20.000Z", "incident_id": "in-1", "rule_id": "ar-1", "rule": "errors",
		"severity": "critical", "value": 0.123456, "value_text": "12.3 %", "n": 120.0, "url": "https://assay.example/w/default/alerts/ar-1",
		"traces_url": "https://assay.example/w/default/traces?q=status+%3D+%27ERROR%27&from=1&to=2",
		"condition":  "error rate in experiment finance over 10 min is above 5 % for 2 min, with at least 10 traces"} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	r := &Rule{Spec: Spec{Condition: rate()}, Status: Status{Value: math.NaN()}}
	if m := New(nil, Config{}).message(r, eventResolved, "", "", 0); m.Value != nil || m.Shown != "unknown" {
		t.Errorf("an unknown value is %v, %q", m.Value, m.Shown)
	}
}

// What people call a rule cannot mark up a Slack message, mention everybody,
// or make it too long.
func TestSlackMessagesAreEscapedAndBounded(t *testing.T) {
	for _, name := range []string{"<!channel> & <http://evil|click>", "*bold* _x_ `code` ~no~", strings.Repeat("长", 10_000), "\"quoted\" \\ \u2028"} {
		body, err := sample(name).slackBody()
		if err != nil || !utf8.Valid(body) || len(body) > 12_000 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		var m struct {
			Text   string
			Blocks []struct {
				Text     struct{ Text string }
				Elements []struct{ Text string }
			}
		}
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		all := m.Text + m.Blocks[0].Text.Text
		for _, bad := range []string{"<!", "<http://evil", "`", "_"} {
			if strings.Contains(all, bad) {
				t.Errorf("%q keeps %q: %s", name, bad, all)
			}
		}
		if utf8.RuneCountInString(m.Blocks[0].Text.Text) > 3000 {
			t.Errorf("a block of %d characters", utf8.RuneCountInString(m.Blocks[0].Text.Text))
		}
		if !strings.Contains(m.Blocks[1].Elements[0].Text, "from=1&amp;to=2|Its traces>") {
			t.Errorf("links %s", m.Blocks[1].Elements[0].Text)
		}
	}
}

func TestValuesForPeople(t *testing.T) {
	for _, c := range []struct {
		s    Signal
		v    float64
		want string
	}{
		{ErrorRate, 0.05, "5 %"}, {ErrorRate, 0.12345, "12.3 %"}, {ErrorRate, 1, "100 %"}, {LatencyP95, 850, "850 ms"}, {LatencyP95, 12345, "12.3 s"},
		{Cost, 0.5, "$0.5"}, {Cost, 1234.5678, "$1235"}, {Volume, 123456, "123456"}, {Score, 0.7, "0.7"}, {Score, math.NaN(), "unknown"}, {Tokens, 1e6, "1000000"},
	} {
		if got := c.s.format(c.v); got != c.want {
			t.Errorf("%s %v: %q, want %q", c.s, c.v, got, c.want)
		}
	}
	for d, want := range map[time.Duration]string{time.Minute: "1 min", 90 * time.Minute: "90 min", time.Hour: "1 h", 24 * time.Hour: "24 h", 30 * time.Second: "30 s", 90 * time.Second: "90 s"} {
		if got := span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestAnswersDecide(t *testing.T) {
	c := &Channel{Name: "c"}
	for status, want := range map[int]string{200: "", 204: "", 250: "", 500: "unavailable", 503: "unavailable", 429: "unavailable", 408: "unavailable", 404: "invalid", 302: "invalid", 100: "invalid"} {
		err := judgeAnswer(c, Answer{Status: status})
		if got := kind(err); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
	later, ok := judgeAnswer(c, Answer{Status: 429, RetryAfter: time.Minute}).(interface{ RetryAfter() time.Duration })
	if !ok || later.RetryAfter() != time.Minute {
		t.Error("Retry-After is lost")
	}
}

func kind(err error) string {
	if err == nil {
		return ""
	}
	return fault.KindOf(err).String()
}
