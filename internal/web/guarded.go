package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// Guarded is the one client for addresses that users give: it calls no private
// network unless told to, follows no redirect, takes no proxy from the
// environment, and reads a bounded answer in bounded time.
//
// The check is made on the address that is dialled, after the name was
// resolved, so that a name that resolves differently the second time gains
// nothing.
type Guarded struct {
	// Private reports whether private, loopback and link-local addresses may be
	// called. Metadata services of clouds stay out of reach in any case.
	private func() bool
	client  *http.Client
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Limits of a guarded call.
const (
	guardedTimeout = 30 * time.Second
	guardedAnswer  = 64 << 10 // bytes read of an answer
)

// NewGuarded returns a client; private is asked before each call.
func NewGuarded(private func() bool) *Guarded {
	g := &Guarded{private: private}
	g.resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}
	g.client = &http.Client{
		Timeout: guardedTimeout,
		Transport: &http.Transport{
			DialContext:            g.dial,
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  20 * time.Second,
			MaxIdleConns:           20,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 32 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return g
}

// Long returns a client for calls whose answers are large or slow: with the
// same checks, but the caller bounds time and size.
func (g *Guarded) Long() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            g.dial,
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  2 * time.Minute,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 32 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// never may be called: the addresses at which clouds hand out credentials.
var never = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("169.254.170.2"), netip.MustParseAddr("100.100.100.200")}

// private ranges beside those that netip knows.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
}

func (g *Guarded) allowed(ip netip.Addr) error {
	ip = ip.Unmap()
	for _, n := range never {
		if ip == n {
			return fault.Invalidf("the address %s is never called", ip)
		}
	}
	hidden := ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified()
	for _, p := range reserved {
		hidden = hidden || p.Contains(ip)
	}
	if hidden && !g.private() {
		return fault.Invalidf("the address %s is private; set allow-private-addresses to call it", ip)
	}
	return nil
}

// dial resolves the name itself and connects to the address it has checked.
func (g *Guarded) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ips, err := g.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	dialer.Timeout = 10 * time.Second
	for _, ip := range ips {
		if err = g.allowed(ip); err != nil {
			continue
		}
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, network, net.JoinHostPort(ip.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (g *Guarded) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ips, err := g.resolve(ctx, host)
	if err != nil || len(ips) == 0 {
		return nil, fault.Wrap(fault.Unavailable, "web.Guarded", errors.Join(err, errors.New("no address")), "the host %q cannot be resolved", clip(host))
	}
	return ips, nil
}

// Allowed reports whether rawURL may be called: an Invalid fault if not. A name
// that does not resolve now is allowed; it may later.
func (g *Guarded) Allowed(ctx context.Context, rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return fault.Invalidf("%q is not an http or https URL without credentials", clip(rawURL))
	}
	ips, err := g.addresses(ctx, u.Hostname())
	if err != nil {
		return nil
	}
	for _, ip := range ips {
		if err = g.allowed(ip); err == nil {
			return nil
		}
	}
	return err
}

// Answer is what a receiver said.
type Answer struct {
	Status     int
	Body       string        // its beginning
	RetryAfter time.Duration // how long it asks to be left alone; 0 unsaid
}

// Post is [Guarded.Send] for those who do not ask when to come again.
func (g *Guarded) Post(ctx context.Context, rawURL string, header map[string]string, body []byte) (status int, answer string, err error) {
	a, err := g.Send(ctx, rawURL, header, body)
	return a.Status, a.Body, err
}

// Send posts body and returns the answer with the beginning of its body. An
// error means that there was no answer.
func (g *Guarded) Send(ctx context.Context, rawURL string, header map[string]string, body []byte) (Answer, error) {
	if err := g.Allowed(ctx, rawURL); err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, rawURL, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fault.Invalidf("%q is not a URL", clip(rawURL))
	}
	for k, v := range header {
		req.Header[k] = []string{v} // spelled as documented; some receivers mind
	}
	req.Header.Set("User-Agent", "Assay")
	resp, err := g.client.Do(req)
	if err != nil {
		if f, ok := errors.AsType[*fault.Error](err); ok {
			return Answer{}, f
		}
		return Answer{}, fault.Wrap(fault.Unavailable, "web.Guarded", err, "%s did not answer", req.URL.Host)
	}
	defer resp.Body.Close()
	begin, err := io.ReadAll(io.LimitReader(resp.Body, guardedAnswer))
	if err != nil {
		return Answer{}, fault.Wrap(fault.Unavailable, "web.Guarded", err, "the answer of %s broke off", req.URL.Host)
	}
	return Answer{resp.StatusCode, string(begin), retryAfter(resp.Header.Get("Retry-After"), time.Now())}, nil
}

// retryAfter reads the header's two forms, seconds and a date; 0 for neither.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
