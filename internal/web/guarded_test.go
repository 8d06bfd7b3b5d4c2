package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

func TestGuardedRefusesPrivateAddresses(t *testing.T) {
	g := NewGuarded(func() bool { return false })
	names := map[string]string{"inside.example": "10.1.2.3", "outside.example": "93.184.216.34", "metadata.example": "169.254.169.254"}
	g.resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr(names[host])}, nil
	}
	for url, ok := range map[string]bool{
		"http://outside.example/x": true, "https://93.184.216.34:8443/": true,
		"http://inside.example/": false, "http://127.0.0.1/": false, "http://[::1]:80/": false, "http://10.0.0.1/": false,
		"http://192.168.0.1/": false, "http://172.16.9.9/": false, "http://169.254.169.254/latest": false, "http://[::ffff:127.0.0.1]/": false,
		"http://0.0.0.0/": false, "http://100.64.0.1/": false, "http://[fd00::1]/": false, "http://[fe80::1]/": false, "http://[64:ff9b::7f00:1]/": false,
		"http://224.0.0.1/": false, "ftp://outside.example/": false, "http://user:pass@outside.example/": false, "http:///x": false, "://": false,
		"file:///etc/passwd": false, "http://metadata.example/": false,
	} {
		if err := g.Allowed(t.Context(), url); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		} else if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: kind of %v", url, err)
		}
	}
	// With private addresses allowed, those that hand out credentials are not.
	open := NewGuarded(func() bool { return true })
	open.resolve = g.resolve
	for url, ok := range map[string]bool{"http://inside.example/": true, "http://127.0.0.1/": true, "http://metadata.example/": false, "http://[fd00:ec2::254]/": false} {
		if err := open.Allowed(t.Context(), url); (err == nil) != ok {
			t.Errorf("open, %s: %v", url, err)
		}
	}
}

// TestGuardedChecksWhatItDials gives a name that is public when it is checked
// and private when it is called.
func TestGuardedChecksWhatItDials(t *testing.T) {
	called := false
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer target.Close()
	port := target.URL[strings.LastIndex(target.URL, ":"):]
	answers := []string{"93.184.216.34", "127.0.0.1"}
	g := NewGuarded(func() bool { return false })
	g.resolve = func(context.Context, string) ([]netip.Addr, error) {
		a := answers[0]
		answers = answers[1:]
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	if _, _, err := g.Post(t.Context(), "http://rebound.example"+port, nil, nil); !fault.Is(err, fault.Invalid) || called {
		t.Errorf("error %v, called %v", err, called)
	}
}

func TestGuardedPost(t *testing.T) {
	var got *http.Request
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/long":
			w.Write(make([]byte, 1<<20))
		default:
			w.WriteHeader(202)
			w.Write([]byte("thanks"))
		}
	}))
	defer target.Close()
	g := NewGuarded(func() bool { return true })
	status, answer, err := g.Post(t.Context(), target.URL+"/x", map[string]string{"X-Sig": "1"}, []byte("body"))
	if err != nil || status != 202 || answer != "thanks" || got.Header.Get("X-Sig") != "1" || got.ContentLength != 4 {
		t.Errorf("%d %q %v", status, answer, err)
	}
	if status, _, err := g.Post(t.Context(), target.URL+"/redirect", nil, nil); err != nil || status != 302 || got.URL.Path != "/redirect" {
		t.Errorf("a redirect was followed to %s: %d, %v", got.URL.Path, status, err)
	}
	if _, answer, err := g.Post(t.Context(), target.URL+"/long", nil, nil); err != nil || len(answer) != guardedAnswer {
		t.Errorf("%d bytes of a long answer, %v", len(answer), err)
	}
	target.Close()
	if _, _, err := g.Post(t.Context(), target.URL, nil, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody there: %v", err)
	}
}
