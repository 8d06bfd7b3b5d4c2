package api

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/assayhq/assay/internal/alert"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/page"
)

type alerts struct{ domain *alert.Service }

// ServeAlerts adds alert rules and channels.
func (s *Server) ServeAlerts(domain *alert.Service) {
	a := alerts{domain}
	const base, one = "/w/{ws}/alerts", "/w/{ws}/alerts/{alert_id}"
	s.add(
		route{method: "GET", path: base, need: caller.Read, call: a.list},
		route{method: "POST", path: base, need: caller.Write, status: http.StatusCreated, call: body(a.create)},
		route{method: "POST", path: base + "/preview", need: caller.Read, call: body(a.preview)},
		route{method: "GET", path: one, need: caller.Read, call: a.get},
		route{method: "PUT", path: one, need: caller.Write, call: body(a.update)},
		route{method: "DELETE", path: one, need: caller.Write, call: a.delete},
		route{method: "POST", path: one + "/mute", need: caller.Write, call: body(a.mute)},
		route{method: "GET", path: one + "/changes", need: caller.Read, call: a.changes},
		route{method: "GET", path: "/w/{ws}/channels", need: caller.Read, call: a.listChannels},
		route{method: "POST", path: "/w/{ws}/channels", need: caller.Administer, status: http.StatusCreated, call: body(a.createChannel)},
		route{method: "PUT", path: "/w/{ws}/channels/{channel_id}", need: caller.Administer, call: body(a.updateChannel)},
		route{method: "DELETE", path: "/w/{ws}/channels/{channel_id}", need: caller.Administer, call: a.deleteChannel},
		route{method: "POST", path: "/w/{ws}/channels/{channel_id}/test", need: caller.Administer, call: a.testChannel},
	)
}

// alertSpec is the contract's AlertSpec.
type alertSpec struct {
	Name          string   `json:"name"`
	ExperimentIDs []string `json:"experiment_ids"`
	Dimension     string   `json:"dimension"`
	Key           string   `json:"key"`
	Value         string   `json:"value"`
	Signal        string   `json:"signal"`
	Score         string   `json:"score"`
	Comparison    string   `json:"comparison"`
	Fire          float64  `json:"fire"`
	Clear         *float64 `json:"clear"` // absent: as fire
	WindowMS      int64    `json:"window_ms"`
	ForMS         int64    `json:"for_ms"`
	MinTraces     int      `json:"min_traces"`
	NoData        string   `json:"no_data"`
	RemindMS      int64    `json:"remind_ms"`
	ChannelIDs    []string `json:"channel_ids"`
	Severity      string   `json:"severity"`
	Enabled       *bool    `json:"enabled"` // absent: true
}

// maxMillis keeps a duration in milliseconds from overflowing nanoseconds.
const maxMillis = int64(math.MaxInt64 / time.Millisecond)

func millisOf(n int64) time.Duration {
	return time.Duration(max(-maxMillis, min(n, maxMillis))) * time.Millisecond
}

func (a *alertSpec) spec() (spec alert.Spec, enabled bool) {
	quiet := a.Fire
	if a.Clear != nil {
		quiet = *a.Clear
	}
	return alert.Spec{
		Name:  a.Name,
		Scope: alert.Scope{Experiments: a.ExperimentIDs, Dimension: alert.Dimension(a.Dimension), Key: a.Key, Value: a.Value},
		Condition: alert.Condition{Signal: alert.Signal(a.Signal), Score: a.Score, Comparison: alert.Comparison(a.Comparison), Fire: a.Fire, Clear: quiet,
			Window: millisOf(a.WindowMS), For: millisOf(a.ForMS), MinTraces: a.MinTraces, NoData: alert.Policy(a.NoData)},
		Remind: millisOf(a.RemindMS), Channels: a.ChannelIDs, Severity: alert.Severity(a.Severity),
	}, a.Enabled == nil || *a.Enabled
}

func specOf(s *alert.Spec, enabled bool) alertSpec {
	quiet := s.Clear
	return alertSpec{Name: s.Name, ExperimentIDs: orEmpty(s.Experiments), Dimension: string(s.Dimension), Key: s.Key, Value: s.Value,
		Signal: string(s.Signal), Score: s.Score, Comparison: string(s.Comparison), Fire: s.Fire, Clear: &quiet, WindowMS: s.Window.Milliseconds(),
		ForMS: s.For.Milliseconds(), MinTraces: s.MinTraces, NoData: string(s.NoData), RemindMS: s.Remind.Milliseconds(),
		ChannelIDs: orEmpty(s.Channels), Severity: string(s.Severity), Enabled: &enabled}
}

// knownNumber is a number for JSON; unknown is null.
func knownNumber(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

type alertRow struct {
	AlertID string `json:"alert_id"`
	alertSpec
	Sentence    string   `json:"sentence"`
	State       string   `json:"state"`
	SinceMS     int64    `json:"since_ms"`
	PendingMS   *int64   `json:"pending_ms"`
	EvaluatedMS *int64   `json:"evaluated_ms"`
	Measured    *float64 `json:"measured"`
	N           int64    `json:"n"`
	Traces      *string  `json:"traces_path"`
	Problem     *string  `json:"problem"`
	IncidentID  *string  `json:"incident_id"`
	MutedUntil  *int64   `json:"muted_until_ms"`
	MuteReason  *string  `json:"mute_reason"`
	CreatedBy   string   `json:"created_by"`
	CreatedMS   int64    `json:"created_ms"`
	UpdatedMS   int64    `json:"updated_ms"`
}

func (a alerts) row(ctx context.Context, r *alert.Rule) alertRow {
	st := &r.Status
	row := alertRow{AlertID: r.ID, alertSpec: specOf(&r.Spec, r.Enabled), Sentence: a.domain.Sentence(ctx, &r.Spec), State: string(st.State), SinceMS: st.Since,
		PendingMS: nullable(st.Pending), EvaluatedMS: nullable(st.Evaluated), Measured: knownNumber(st.Value), N: st.N, Traces: nullable(st.Link),
		Problem: nullable(st.Problem), IncidentID: nullable(st.Incident), CreatedBy: r.CreatedBy, CreatedMS: r.Created, UpdatedMS: r.Updated}
	if r.MutedUntil > time.Now().UnixMilli() {
		row.MutedUntil, row.MuteReason = &r.MutedUntil, nullable(r.MuteReason)
	}
	return row
}

func (a alerts) list(ctx context.Context, _ *http.Request) (any, error) {
	found, err := a.domain.Rules(ctx)
	if err != nil {
		return nil, err
	}
	out := []alertRow{}
	for _, r := range found {
		out = append(out, a.row(ctx, r))
	}
	return map[string]any{"alerts": out}, nil
}

func (a alerts) create(ctx context.Context, _ *http.Request, req *alertSpec) (any, error) {
	spec, enabled := req.spec()
	r, err := a.domain.Create(ctx, spec, enabled)
	if err != nil {
		return nil, err
	}
	return a.row(ctx, r), nil
}

func (a alerts) get(ctx context.Context, r *http.Request) (any, error) {
	found, err := a.domain.Rule(ctx, r.PathValue("alert_id"))
	if err != nil {
		return nil, err
	}
	return a.row(ctx, found), nil
}

func (a alerts) update(ctx context.Context, r *http.Request, req *alertSpec) (any, error) {
	spec, enabled := req.spec()
	changed, err := a.domain.Update(ctx, r.PathValue("alert_id"), spec, enabled)
	if err != nil {
		return nil, err
	}
	return a.row(ctx, changed), nil
}

func (a alerts) delete(ctx context.Context, r *http.Request) (any, error) {
	return nil, a.domain.Delete(ctx, r.PathValue("alert_id"))
}

type muteRequest struct {
	UntilMS int64  `json:"until_ms"` // 0 unmutes
	Reason  string `json:"reason"`
}

func (a alerts) mute(ctx context.Context, r *http.Request, req *muteRequest) (any, error) {
	changed, err := a.domain.Mute(ctx, r.PathValue("alert_id"), req.UntilMS, req.Reason)
	if err != nil {
		return nil, err
	}
	return a.row(ctx, changed), nil
}

type alertChange struct {
	Seq    int64    `json:"seq"`
	TimeMS int64    `json:"time_ms"`
	From   string   `json:"from"`
	To     string   `json:"to"`
	Value  *float64 `json:"value"`
	N      int64    `json:"n"`
	Reason *string  `json:"reason"`
	Traces *string  `json:"traces_path"`
}

func (a alerts) changes(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	rule, err := a.domain.Rule(ctx, r.PathValue("alert_id"))
	if err != nil {
		return nil, err
	}
	q := page.NewQuery("alert changes", rule.ID)
	keys, err := page.Decode(r.URL.Query().Get("page_token"), q, 1)
	if err != nil {
		return nil, err
	}
	before := int64(0)
	if keys != nil {
		before = keys[0].Int
	}
	found, err := a.domain.Changes(ctx, rule.ID, before, n+1)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(found) > n {
		found = found[:n]
		next = page.Encode(q, page.IntKey(found[n-1].Seq))
	}
	out := []alertChange{}
	for _, c := range found {
		out = append(out, alertChange{c.Seq, c.Time, string(c.From), string(c.To), knownNumber(c.Value), c.N, nullable(c.Reason), nullable(c.Link)})
	}
	return map[string]any{"changes": out, "next_page_token": nullable(next)}, nil
}

type alertEpisode struct {
	FromMS int64    `json:"from_ms"`
	ToMS   *int64   `json:"to_ms"`
	Peak   *float64 `json:"peak"`
	N      int64    `json:"n"`
	Traces *string  `json:"traces_path"`
}

func (a alerts) preview(ctx context.Context, _ *http.Request, req *alertSpec) (any, error) {
	spec, _ := req.spec()
	p, err := a.domain.Preview(ctx, spec)
	if err != nil {
		return nil, err
	}
	values := make([]*float64, len(p.Values))
	for i, v := range p.Values {
		values[i] = knownNumber(v)
	}
	firings := []alertEpisode{}
	for _, e := range p.Firings {
		firings = append(firings, alertEpisode{e.From, nullable(e.To), knownNumber(e.Peak), e.N, nullable(e.Link)})
	}
	return map[string]any{"from_ms": p.From, "to_ms": p.To, "step_ms": p.Step, "count": p.Count, "firings": firings,
		"no_data_share": p.NoData, "values": values, "sentence": a.domain.Sentence(ctx, &spec)}, nil
}

type channelRequest struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	URL    string   `json:"url"`
	Secret string   `json:"secret"`
	To     []string `json:"to"`
}

func (c *channelRequest) spec() alert.ChannelSpec {
	return alert.ChannelSpec{Name: c.Name, Kind: alert.ChannelKind(c.Kind), URL: c.URL, Secret: c.Secret, To: c.To}
}

type channelRow struct {
	ChannelID string `json:"channel_id"`
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Target    string `json:"target"`
	Signed    bool   `json:"signed"`
	CreatedMS int64  `json:"created_ms"`
	UpdatedMS int64  `json:"updated_ms"`
}

func channelOf(ctx context.Context, c *alert.Channel) channelRow {
	row := channelRow{c.ID, c.Name, string(c.Kind), c.Target, c.Kind == alert.Webhook && len(c.Sealed) > 0, c.Created, c.Updated}
	if !caller.From(ctx).Role.May(caller.Administer) {
		row.Target = c.Public()
	}
	return row
}

func (a alerts) listChannels(ctx context.Context, _ *http.Request) (any, error) {
	found, err := a.domain.Channels(ctx)
	if err != nil {
		return nil, err
	}
	out := []channelRow{}
	for _, c := range found {
		out = append(out, channelOf(ctx, c))
	}
	return map[string]any{"channels": out, "email": a.domain.CanMail()}, nil
}

func (a alerts) createChannel(ctx context.Context, _ *http.Request, req *channelRequest) (any, error) {
	c, err := a.domain.CreateChannel(ctx, req.spec())
	if err != nil {
		return nil, err
	}
	return channelOf(ctx, c), nil
}

func (a alerts) updateChannel(ctx context.Context, r *http.Request, req *channelRequest) (any, error) {
	c, err := a.domain.UpdateChannel(ctx, r.PathValue("channel_id"), req.spec())
	if err != nil {
		return nil, err
	}
	return channelOf(ctx, c), nil
}

func (a alerts) deleteChannel(ctx context.Context, r *http.Request) (any, error) {
	return nil, a.domain.DeleteChannel(ctx, r.PathValue("channel_id"))
}

func (a alerts) testChannel(ctx context.Context, r *http.Request) (any, error) {
	t, err := a.domain.TestChannel(ctx, r.PathValue("channel_id"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"ok": t.OK, "status": nullable(t.Status), "answer": nullable(t.Answer), "error": nullable(t.Error)}, nil
}
