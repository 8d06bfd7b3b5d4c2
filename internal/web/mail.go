package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// Mailer sends e-mail through one mail server, which the operator names.
//
// smtps:// speaks TLS from the first byte; smtp:// changes to TLS where the
// server offers it, and must before it says a password, unless the server is
// this machine.
type Mailer struct {
	addr, host string
	implicit   bool
	auth       smtp.Auth // nil: none
	from       mail.Address
	roots      *x509.CertPool // nil: the system's
}

const mailTimeout = 30 * time.Second

// NewMailer reads smtp://user:password@host:587?from=address. Errors never
// repeat the URL, which holds a password.
func NewMailer(raw string) (*Mailer, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fault.Invalidf("smtp-url is not of the form smtp://user:password@host:587?from=address (or smtps://…)")
	}
	from, err := mail.ParseAddress(u.Query().Get("from"))
	if err != nil {
		return nil, fault.Invalidf("smtp-url: ?from= must be the e-mail address that alerts come from")
	}
	for key := range u.Query() {
		if key != "from" {
			return nil, fault.Invalidf("smtp-url: unknown parameter %q; there is only from", clip(key))
		}
	}
	m := &Mailer{host: u.Hostname(), implicit: u.Scheme == "smtps", from: *from}
	port := u.Port()
	if port == "" {
		port = map[bool]string{true: "465", false: "587"}[m.implicit]
	}
	m.addr = net.JoinHostPort(m.host, port)
	if u.User != nil {
		password, _ := u.User.Password()
		m.auth = smtp.PlainAuth("", u.User.Username(), password, m.host)
	}
	return m, nil
}

// Send delivers a text to recipients; id is the same in every attempt, and
// becomes the Message-ID by which servers and readers know a repetition. An
// Unavailable fault asks for another attempt; any other error is final.
func (m *Mailer) Send(ctx context.Context, id string, to []string, subject, text string) error {
	message := m.compose(id, to, subject, text, time.Now())
	err := m.deliver(ctx, to, message)
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*textproto.Error](err); ok && p.Code >= 500 {
		return fault.Wrap(fault.Invalid, "web.Mailer", err, "the mail server refused with %d", p.Code)
	}
	return fault.Wrap(fault.Unavailable, "web.Mailer", err, "the mail server %s did not take the message: %s", m.addr, mailProblem(err))
}

// mailProblem words err without what it may quote.
func mailProblem(err error) string {
	if p, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Sprintf("it answered %d", p.Code)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not trusted"
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return "it could not be reached"
	}
	return "the conversation broke off"
}

func (m *Mailer) deliver(ctx context.Context, to []string, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	secure := &tls.Config{ServerName: m.host, RootCAs: m.roots, MinVersion: tls.VersionTLS12}
	if m.implicit {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return err
	}
	defer c.Close()
	if ok, _ := c.Extension("STARTTLS"); ok && !m.implicit {
		if err := c.StartTLS(secure); err != nil {
			return err
		}
	}
	if m.auth != nil {
		// PlainAuth itself refuses to send the password in the clear to
		// another machine.
		if err := c.Auth(m.auth); err != nil {
			return err
		}
	}
	if err := c.Mail(m.from.Address); err != nil {
		return err
	}
	for _, one := range to {
		if err := c.Rcpt(one); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	c.Quit() // the message is taken; how they part does not matter
	return nil
}

// compose writes the message with its headers; nothing given can add one.
func (m *Mailer) compose(id string, to []string, subject, text string, now time.Time) []byte {
	var b bytes.Buffer
	header := func(name, value string) {
		value = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, value)
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	header("From", m.from.String())
	list := make([]string, len(to))
	for i, one := range to {
		list[i] = (&mail.Address{Address: one}).String()
	}
	header("To", strings.Join(list, ", "))
	header("Subject", mime.QEncoding.Encode("utf-8", subject))
	header("Date", now.Format(time.RFC1123Z))
	_, domain, _ := strings.Cut(m.from.Address, "@")
	header("Message-ID", "<"+id+"@"+domain+">")
	header("Auto-Submitted", "auto-generated") // so that nobody's holiday answers
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	q.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))) // a buffer does not fail
	q.Close()
	return b.Bytes()
}
