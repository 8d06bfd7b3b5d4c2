package alert

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"
)

// Message is news of a rule. It holds numbers, names and links, and nothing
// that a trace says.
type Message struct {
	Type       string   `json:"type"` // alert.firing, alert.resolved, alert.reminder, alert.test
	Time       string   `json:"time"` // RFC 3339, UTC
	Workspace  string   `json:"workspace"`
	Incident   string   `json:"incident_id"` // the same from firing to resolved
	RuleID     string   `json:"rule_id"`
	Rule       string   `json:"rule"`
	Severity   Severity `json:"severity"`
	Title      string   `json:"title"`
	Condition  string   `json:"condition"` // the rule in words
	Signal     Signal   `json:"signal"`
	Value      *float64 `json:"value"` // null is unknown
	Shown      string   `json:"value_text"`
	N          int64    `json:"n"` // traces the value is made of
	Comparison string   `json:"comparison"`
	Fire       float64  `json:"fire"`
	Clear      float64  `json:"clear"`
	WindowMS   int64    `json:"window_ms"`
	SinceMS    int64    `json:"since_ms"` // since when the state is what it is
	Reason     string   `json:"reason,omitempty"`
	URL        string   `json:"url"`
	TracesURL  string   `json:"traces_url,omitempty"`
}

func rulePath(workspace, rule string) string {
	return "/w/" + url.PathEscape(workspace) + "/alerts/" + url.PathEscape(rule)
}

// message words the news e of r.
func (s *Service) message(r *Rule, e event, reason, scope string, now int64) *Message {
	st := &r.Status
	base := strings.TrimSuffix(s.cfg.BaseURL(), "/")
	m := &Message{Type: string(e), Time: time.UnixMilli(now).UTC().Format("2006-01-02T15:04:05.000Z"), Workspace: r.Workspace,
		Incident: st.Incident, RuleID: r.ID, Rule: r.Name, Severity: r.Severity, Condition: r.Sentence(scope),
		Signal: r.Signal, Shown: r.Signal.format(st.Value), N: st.N, Comparison: string(r.Comparison), Fire: r.Fire, Clear: r.Clear,
		WindowMS: r.Window.Milliseconds(), SinceMS: st.Since, Reason: reason, URL: base + rulePath(r.Workspace, r.ID)}
	if !math.IsNaN(st.Value) && !math.IsInf(st.Value, 0) {
		v := st.Value
		m.Value = &v
	}
	if st.Link != "" {
		m.TracesURL = base + st.Link
	}
	word := map[event]string{eventFiring: "Firing", eventReminder: "Still firing", eventResolved: "Resolved", eventTest: "Test"}[e]
	m.Title = word + ": " + r.Name
	return m
}

// reading says what was measured: "12.3 % (n 120)".
func (m *Message) reading() string {
	text := m.Shown
	if m.N > 0 {
		text += fmt.Sprintf(" (n %d)", m.N)
	}
	if m.Reason != "" {
		text += "; " + m.Reason
	}
	return text
}

// webhookBody is the message as a webhook gets it.
func (m *Message) webhookBody() ([]byte, error) { return json.Marshal(m) }

// slackText bounds a text of a block; Slack refuses over 3,000 characters.
const slackText = 2000

// slackBody is the message as Slack's incoming webhooks take it.
func (m *Message) slackBody() ([]byte, error) {
	mark := map[string]string{string(eventFiring): "🔴", string(eventReminder): "🔴", string(eventResolved): "🟢", string(eventTest): "🔔"}[m.Type]
	links := fmt.Sprintf("<%s|Open the rule>", slackURL(m.URL))
	if m.TracesURL != "" {
		links += fmt.Sprintf(" · <%s|Its traces>", slackURL(m.TracesURL))
	}
	section := func(text string) map[string]any {
		return map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": text}}
	}
	return json.Marshal(map[string]any{
		"text": slackEscape(m.Title),
		"blocks": []any{
			section(mark + " *" + slackEscape(m.Title) + "*\n" + slackEscape(m.Condition) + "\nNow: " + slackEscape(m.reading())),
			map[string]any{"type": "context", "elements": []any{map[string]any{"type": "mrkdwn",
				"text": slackEscape(string(m.Severity)+" · "+m.Workspace+" · "+m.Time) + " · " + links}}},
		},
	})
}

// slackEscape makes s plain text: Slack reads &, < and > as markup, and the
// marks of bold and code must not pair up across it.
func slackEscape(s string) string {
	if r := []rune(s); len(r) > slackText/4 {
		s = string(r[:slackText/4]) + "…"
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "∗", "`", "ʼ", "~", "∼", "_", "＿").Replace(s)
}

func slackURL(s string) string {
	if len(s) > slackText {
		return ""
	}
	return strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C", "\n", "%0A").Replace(s)
}

// mail is the message as an e-mail.
func (m *Message) mail(id string, to []string) Mail {
	subject := "[" + string(m.Severity) + "] " + m.Title
	text := fmt.Sprintf("%s\n\nCondition: %s\nNow: %s\nWorkspace: %s\nTime: %s\n\nRule: %s\n", m.Title, m.Condition, m.reading(), m.Workspace, m.Time, m.URL)
	if m.TracesURL != "" {
		text += "Traces: " + m.TracesURL + "\n"
	}
	return Mail{ID: id, To: to, Subject: subject, Text: text}
}
