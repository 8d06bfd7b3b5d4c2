package app

import (
	"context"
	"net/url"
	"time"

	"github.com/assayhq/assay/internal/alert"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/notice"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/web"
	"github.com/assayhq/assay/internal/wire/api"
)

// newNotices builds the bell; jobs and alerts tell it.
func (a *App) newNotices() {
	a.notices = notice.New(sqlstore.NewNotices(a.control), a.now, func(workspace string) {
		a.events.Publish(api.Change{Workspace: workspace, Kind: "notice", ID: workspace, Op: "updated"})
	})
}

// newAlerts builds alerts over tracing.
func (a *App) newAlerts(key [32]byte, guarded *web.Guarded) error {
	cfg := alert.Config{Every: a.cfg.AlertEvery, Measurer: measures{a.tracing, experiments{a.tracking}, a.cfg.StallAfter}, Queue: outbox{a}, Notices: a.notices,
		Audit: a.accounts.Audit, Sender: alertSender{guarded}, Key: key, Plain: a.cfg.AllowPrivate || a.access.loopback, BaseURL: a.URL,
		Now: a.now, Log: a.log,
		Changed: func(workspace, rule string) {
			a.events.Publish(api.Change{Workspace: workspace, Kind: "alert", ID: rule, Op: "updated"})
		}}
	if a.cfg.SMTP != "" {
		m, err := web.NewMailer(a.cfg.SMTP)
		if err != nil {
			return err
		}
		cfg.Mailer = alertMailer{m}
	}
	a.alerts = alert.New(sqlstore.NewAlerts(a.control), cfg)
	a.add(part{name: "alerts", start: a.alerts.Start, stop: a.alerts.Stop})
	return nil
}

type alertSender struct{ guarded *web.Guarded }

func (s alertSender) Allowed(ctx context.Context, url string) error {
	return s.guarded.Allowed(ctx, url)
}

func (s alertSender) Send(ctx context.Context, url string, header map[string]string, body []byte) (alert.Answer, error) {
	answer, err := s.guarded.Send(ctx, url, header, body)
	return alert.Answer(answer), err
}

type alertMailer struct{ mailer *web.Mailer }

func (m alertMailer) SendMail(ctx context.Context, mail alert.Mail) error {
	return m.mailer.Send(ctx, mail.ID, mail.To, mail.Subject, mail.Text)
}

// alertKind names the jobs that carry alerts; a message's id is the job's key.
const alertKind = "alert.deliver"

type alertInput struct {
	Message string `json:"message"`
}

// alertDeliveries carries alerts out. Pauses that double from the interval of
// the passes (5 seconds at most) to an hour add up, with this many failures,
// to about a day.
func (a *App) alertDeliveries() job.Kind {
	return job.Kind{Name: alertKind, Queue: "alerts", Quiet: true, MaxFailures: 33, Timeout: time.Minute,
		Backoff: func(n int) time.Duration { return min(min(5*time.Second, a.cfg.AlertEvery)<<min(n-1, 12), time.Hour) },
		Work: func(ctx context.Context, r *job.Run) error {
			var in alertInput
			if err := r.Input(&in); err != nil {
				return err
			}
			if err := a.alerts.Deliver(ctx, in.Message); err != nil {
				return err
			}
			return r.Finish(ctx, job.Result{}, nil, func(ctx context.Context) error { return a.alerts.Delivered(ctx, in.Message) })
		}}
}

// EnqueueMessage implements [alert.Queue].
func (o outbox) EnqueueMessage(ctx context.Context, workspace, message string) error {
	ctx = caller.With(ctx, caller.Caller{User: "system", Role: caller.Admin, Workspace: workspace})
	_, err := o.app.jobs.Enqueue(ctx, job.Spec{Kind: alertKind, Input: alertInput{message}, Key: message, Priority: 1})
	return err
}

// longJob is what somebody may have stopped to wait for.
const longJob = time.Minute

// jobEnded tells of the end of a job, in the Write that ends it.
func (a *App) jobEnded(ctx context.Context, j job.Job) error {
	ctx = caller.With(ctx, caller.Caller{User: "system", Role: caller.Admin, Workspace: j.Workspace})
	failed := j.State == job.Failed
	if j.Kind == alertKind && j.State != job.Succeeded {
		return a.alerts.GiveUp(ctx, j.Key, j.Error)
	}
	path := "/w/" + url.PathEscape(j.Workspace) + "/jobs?job=" + url.QueryEscape(j.ID)
	switch {
	case failed && j.Kind == deliveryKind:
		return a.notices.Add(ctx, notice.DeliveryFailed, "A webhook message could not be delivered: "+j.Error, path)
	case j.Quiet:
		return nil
	case failed:
		return a.notices.Add(ctx, notice.JobFailed, j.Title+" failed: "+j.Error, path)
	case j.State == job.Succeeded && j.EndedAt-j.CreatedAt >= longJob.Milliseconds():
		if j.Result.Path != "" {
			path = j.Result.Path
		}
		return a.notices.Add(ctx, notice.JobSucceeded, j.Title+" is done", path)
	}
	return nil
}
