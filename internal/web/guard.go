package web

import (
	"maps"
	"net"
	"net/http"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// crossOrigin refuses state-changing requests that a browser sends on behalf
// of another site. Requests without a browser's headers pass.
var crossOrigin = http.NewCrossOriginProtection()

// guard refuses what a hostile web page could make a browser send. In open mode
// the Host header must name this machine, so that a page whose name is rebound
// to 127.0.0.1 is not served.
func (s *Server) guard(r *http.Request) error {
	if s.cfg.Open() && !s.ownHost(r.Host) {
		return fault.New(fault.Denied, "host %q is not this server's: without accounts Assay answers to localhost and loopback addresses only; name it in allowed-hosts, or create a user", clip(r.Host))
	}
	if err := crossOrigin.Check(r); err != nil {
		return fault.New(fault.Denied, "a request from another origin may not change anything here")
	}
	return nil
}

func (s *Server) ownHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	for _, h := range s.cfg.Hosts {
		if strings.EqualFold(h, name) {
			return true
		}
	}
	return false
}

// contentPolicy lets pages load only what this server sends. Styles may be
// inline because table and chart libraries set them.
const contentPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
	"media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; frame-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// hardening are headers of every answer, in canonical form; set as they are,
// they cost no allocation each.
var hardening = map[string][]string{
	"X-Content-Type-Options":       {"nosniff"},
	"Referrer-Policy":              {"same-origin"},
	"X-Frame-Options":              {"DENY"},
	"Content-Security-Policy":      {contentPolicy},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
}

// secure sets the headers of every answer.
func secure(h http.Header) { maps.Copy(h, hardening) }
