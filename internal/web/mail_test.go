package web

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

// mailHost speaks SMTP to one client and tells what it heard.
type mailHost struct {
	addr     string
	starttls *tls.Config
	implicit bool
	reject   string // answer to RCPT
	heard    chan []string
}

func (h *mailHost) run(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr, h.heard = l.Addr().String(), make(chan []string, 1)
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if h.implicit {
			conn = tls.Server(conn, h.starttls)
		}
		h.heard <- h.talk(conn)
	}()
}

func (h *mailHost) talk(conn net.Conn) (lines []string) {
	in, secure := bufio.NewReader(conn), h.implicit
	say := func(s string) { fmt.Fprintf(conn, "%s\r\n", s) }
	say("220 host")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return lines
		}
		line = strings.TrimRight(line, "\r\n")
		lines = append(lines, line)
		switch verb, _, _ := strings.Cut(line, " "); strings.ToUpper(verb) {
		case "EHLO":
			if h.starttls != nil && !secure {
				say("250-host\r\n250-AUTH PLAIN\r\n250 STARTTLS")
			} else {
				say("250-host\r\n250 AUTH PLAIN")
			}
		case "STARTTLS":
			say("220 go")
			conn = tls.Server(conn, h.starttls)
			in, secure = bufio.NewReader(conn), true
			lines = append(lines, "(secure)")
		case "AUTH":
			say("235 ok")
		case "RCPT":
			if h.reject != "" {
				say(h.reject)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go")
			for {
				line, err := in.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				lines = append(lines, "| "+strings.TrimRight(line, "\r\n"))
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return lines
		default:
			say("250 ok")
		}
	}
}

// certificate is a server's, with the pool that trusts it for 127.0.0.1.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, pool
}

func mailer(t *testing.T, url string) *Mailer {
	t.Helper()
	m, err := NewMailer(url)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMailIsSentOverTLSWithItsHeaders(t *testing.T) {
	secure, pool := certificate(t)
	for name, h := range map[string]*mailHost{"STARTTLS": {starttls: secure}, "implicit": {starttls: secure, implicit: true}} {
		h.run(t)
		scheme := map[bool]string{true: "smtps", false: "smtp"}[h.implicit]
		m := mailer(t, scheme+"://ada:p%40ss@"+h.addr+"?from=Assay+%3Calerts@example.com%3E")
		m.roots = pool
		err := m.Send(t.Context(), "ad-1", []string{"a@example.com", "b@example.com"}, "Firing: ümläut\r\nBcc: evil@example.com", "first line\nsecond: 流量\n.\n")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		heard := <-h.heard
		session := strings.Join(heard, "\n")
		auth := "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00ada\x00p@ss"))
		if !strings.Contains(session, auth) || name == "STARTTLS" && strings.Index(session, "(secure)") > strings.Index(session, "AUTH") {
			t.Errorf("%s: the password was not sent, or before TLS:\n%s", name, session)
		}
		var raw strings.Builder
		for _, line := range heard {
			if text, ok := strings.CutPrefix(line, "| "); ok {
				raw.WriteString(strings.Replace(text, "..", ".", 1) + "\r\n")
			}
		}
		got, err := mail.ReadMessage(strings.NewReader(raw.String()))
		if err != nil {
			t.Fatal(err)
		}
		subject, _ := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		text, _ := io.ReadAll(quotedprintable.NewReader(got.Body))
		if got.Header.Get("Message-Id") != "<ad-1@example.com>" || got.Header.Get("Bcc") != "" || !strings.HasPrefix(subject, "Firing: ümläut") ||
			got.Header.Get("To") != "<a@example.com>, <b@example.com>" || !strings.Contains(string(text), "second: 流量") {
			t.Errorf("%s: headers %v, subject %q, text %q", name, got.Header, subject, text)
		}
	}
}

func TestMailFailuresAreSortedAndSayNoSecret(t *testing.T) {
	secure, _ := certificate(t)
	gone := &mailHost{}
	gone.run(t)
	for name, c := range map[string]struct {
		host *mailHost
		kind fault.Kind
	}{
		"refused for now":         {&mailHost{reject: "451 later"}, fault.Unavailable},
		"refused":                 {&mailHost{reject: "550 no such user p4ss"}, fault.Invalid},
		"a certificate of nobody": {&mailHost{starttls: secure}, fault.Unavailable},
	} {
		c.host.run(t)
		m := mailer(t, "smtp://u:p4ss@"+c.host.addr+"?from=a@example.com")
		err := m.Send(t.Context(), "ad-1", []string{"b@example.com"}, "s", "t")
		if !fault.Is(err, c.kind) || strings.Contains(fault.Message(err), "p4ss") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := mailer(t, "smtp://127.0.0.1:1?from=a@example.com").Send(t.Context(), "ad-1", []string{"b@example.com"}, "s", "t"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody there: %v", err)
	}
	for _, url := range []string{"", "http://h", "smtp://", "smtp://h", "smtp://h?from=nobody", "smtp://h?from=a@b&x=1", "smtp://u:p4ss@h/path?from=a@b", "smtp://u:p4ss@%zz"} {
		if _, err := NewMailer(url); err == nil || strings.Contains(err.Error(), "p4ss") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
