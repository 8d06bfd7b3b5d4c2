package mlflow

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/trace"
)

// Client reads a stock MLflow server, from 2.20 to 3.17, as a source to import
// from. What a release does not offer is an empty listing.
//
// A call that fails for a passing reason is tried again for about ten
// seconds; after that it is Unavailable, and the import comes back later.
type Client struct {
	base *url.URL
	cfg  ClientConfig

	major int                 // of its version
	names map[trace.ID]string // of traces of the present page, where they are not ours
}

// ClientConfig tells how to reach a server.
type ClientConfig struct {
	// HTTP makes the requests; it decides which addresses may be called.
	HTTP *http.Client
	// Credentials: a token, or a name and a password, or neither.
	Username, Password, Token string
	// Tries is how often a call is made before it is given up; 0 means 6.
	Tries int
	// Sleep waits between tries; nil is a real pause. For tests.
	Sleep func(ctx context.Context, d time.Duration) error
}

var _ flow.Source = (*Client)(nil)

// Limits of what a source may send.
const (
	maxAnswer   = 256 << 20       // bytes of one JSON answer
	answerStall = 2 * time.Minute // for the answer to one call
)

// NewClient returns a client of the server at address.
func NewClient(address string, cfg ClientConfig) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fault.Invalidf("%q is not an http or https URL", clip(address))
	}
	if cfg.Tries == 0 {
		cfg.Tries = 6
	}
	if cfg.Sleep == nil {
		cfg.Sleep = func(ctx context.Context, d time.Duration) error {
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return &Client{base: u, cfg: cfg, names: map[trace.ID]string{}}, nil
}

// Close implements [flow.Source].
func (c *Client) Close() error {
	c.cfg.HTTP.CloseIdleConnections()
	return nil
}

// Describe implements [flow.Source].
func (c *Client) Describe(ctx context.Context) (flow.SourceInfo, error) {
	resp, err := c.send(ctx, http.MethodGet, "/version", nil, nil)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.Invalidf("%s is no MLflow server: it has no /version", c.base.Host)
		}
		return flow.SourceInfo{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 100))
	if err != nil {
		return flow.SourceInfo{}, c.broken(err)
	}
	version := strings.TrimSpace(string(text))
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return flow.SourceInfo{}, fault.Invalidf("%s is no MLflow server: its version is %q", c.base.Host, clip(version))
	}
	if c.major, err = strconv.Atoi(parts[0]); err != nil || c.major < 2 {
		return flow.SourceInfo{}, fault.Invalidf("%s says it is MLflow %q; imports read 2.20 and newer", c.base.Host, clip(version))
	}
	info := flow.SourceInfo{Version: version, NotCarried: []string{"users and permissions"}}
	if c.major >= 3 {
		info.NotCarried = append(info.NotCarried, "webhooks, whose secrets a server does not give out", "gateway endpoints, their secrets and budgets",
			"review queues and label schemas", "issues found by analysis", "prompt optimisation jobs")
	}
	return info, nil
}

// call makes a request and decodes its JSON answer into out.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fault.Wrap(fault.Internal, "mlflow.call", err, "the request cannot be encoded")
		}
	}
	for try := 1; ; try++ {
		err := c.once(ctx, method, path, query, body, out)
		if err == nil || try == c.cfg.Tries || !fault.Is(err, fault.Unavailable) {
			return final(err)
		}
		if err := c.pause(ctx, try); err != nil {
			return err
		}
	}
}

func (c *Client) once(ctx context.Context, method, path string, query url.Values, body []byte, out any) error {
	ctx, stop := context.WithTimeoutCause(ctx, answerStall, fault.New(fault.Unavailable, "%s did not answer in %s", c.base.Host, answerStall))
	defer stop()
	resp, err := c.try(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return c.broken(err)
	}
	if len(data) > maxAnswer {
		return fault.New(fault.TooLarge, "an answer of %s is over %d MiB", c.base.Host, maxAnswer>>20)
	}
	if err := decodeJSON(data, out); err != nil {
		return fault.Invalidf("%s %s answers what MLflow does not: %s", method, path, fault.Message(err))
	}
	return nil
}

func (c *Client) pause(ctx context.Context, try int) error {
	d := 250 * time.Millisecond << (try - 1)
	return c.cfg.Sleep(ctx, d+rand.N(d/4))
}

// send makes a request whose answer the caller reads, trying again until there
// is one.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := c.try(ctx, method, path, query, body)
		if err == nil || try == c.cfg.Tries || !fault.Is(err, fault.Unavailable) {
			return resp, final(err)
		}
		if err := c.pause(ctx, try); err != nil {
			return nil, err
		}
	}
}

// try makes a request once. path is escaped.
func (c *Client) try(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	address := strings.TrimRight(c.base.String(), "/") + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(string(body)))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "mlflow.try", err, "%q is no address", clip(address))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "Assay")
	switch {
	case c.cfg.Token != "":
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	case c.cfg.Username != "":
		req.SetBasicAuth(c.cfg.Username, c.cfg.Password)
	}
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		if f, ok := errors.AsType[*fault.Error](err); ok {
			return nil, f // the address may not be called
		}
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, fault.Wrap(fault.Unavailable, "mlflow.try", err, "%s does not answer", c.base.Host)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.refused(resp, method, path)
}

// opFailed marks an answer of status 500: it may pass, but one that stays is
// about the thing that was asked for, and the import goes on without that.
const opFailed = "mlflow.failed"

// final is the error of the last try.
func final(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Op == opFailed {
		return fault.New(fault.Invalid, "%s", f.Msg)
	}
	return err
}

// refused turns an error answer into a fault.
func (c *Client) refused(resp *http.Response, method, path string) error {
	begin, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	var body struct {
		Message string `json:"message"`
	}
	message := ""
	if json.Unmarshal(begin, &body) == nil {
		message = clip(body.Message)
	}
	if message == "" {
		message = "status " + strconv.Itoa(resp.StatusCode)
	}
	kind := fault.Invalid
	switch s := resp.StatusCode; {
	case s == http.StatusUnauthorized:
		return fault.New(fault.Unauthenticated, "%s wants credentials: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN", c.base.Host)
	case s == http.StatusForbidden:
		kind = fault.Denied
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed:
		kind = fault.NotFound
	case s == http.StatusInternalServerError:
		return &fault.Error{Kind: fault.Unavailable, Op: opFailed, Msg: "the source fails at " + method + " " + clip(path) + ": " + message}
	case s == http.StatusTooManyRequests, s == http.StatusRequestTimeout, s == 502, s == 503, s == 504:
		kind = fault.Unavailable
	case s == http.StatusNotImplemented:
		kind = fault.Unsupported
	case s >= 300 && s < 400:
		return fault.Invalidf("%s redirects to %s; give that address", c.base.Host, clip(resp.Header.Get("Location")))
	}
	return fault.New(kind, "the source answers to %s %s: %s", method, clip(path), message)
}

func (c *Client) broken(err error) error {
	if fault.Is(err, fault.Canceled) {
		return err
	}
	return fault.Wrap(fault.Unavailable, "mlflow.Client", err, "the answer of %s broke off", c.base.Host)
}

// absent is nil for a call that the source does not offer or a thing it does
// not have, and the error otherwise.
func absent(err error) error {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unsupported) {
		return nil
	}
	return err
}

// Paths of the two generations of calls.
const (
	rest2 = "/api/2.0/mlflow/"
	rest3 = "/api/3.0/mlflow/"
)
