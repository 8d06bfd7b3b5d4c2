package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

// client calls a running server through Assay's own API.
type client struct {
	base      *url.URL
	workspace string
	http      *http.Client
}

// clientFlags declares the options of commands that need a server.
func clientFlags(cmd *cobra.Command) {
	cmd.Flags().String("server", "http://127.0.0.1:5000", "address of the server (also ASSAY_SERVER)")
	workspaceFlag(cmd)
}

// newClient reads the options of clientFlags. Credentials come from the
// environment: ASSAY_TOKEN, or ASSAY_USERNAME and ASSAY_PASSWORD.
func newClient(cmd *cobra.Command) (*client, error) {
	server, _ := cmd.Flags().GetString("server")
	if env := os.Getenv("ASSAY_SERVER"); env != "" && !cmd.Flags().Changed("server") {
		server = env
	}
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usageError{fault.Invalidf("--server %q is not a URL such as http://127.0.0.1:5000", server)}
	}
	ws, _ := cmd.Flags().GetString("workspace")
	return &client{base: u, workspace: ws, http: &http.Client{Timeout: time.Minute}}, nil
}

// header returns the credentials of the environment.
func (c *client) header() http.Header {
	h := http.Header{}
	if token := os.Getenv("ASSAY_TOKEN"); token != "" {
		h.Set("Authorization", "Bearer "+token)
	} else if user := os.Getenv("ASSAY_USERNAME"); user != "" {
		r := http.Request{Header: h}
		r.SetBasicAuth(user, os.Getenv("ASSAY_PASSWORD"))
	}
	return h
}

// call makes a request below /api/assay/v1/w/{workspace} and decodes the answer
// into out, unless that is nil.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	u := strings.TrimSuffix(c.base.String(), "/") + "/api/assay/v1/w/" + url.PathEscape(c.workspace) + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return err
	}
	req.Header = c.header()
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Wrap(fault.Unavailable, "", err, "no server answers at %s; start one with `assay serve`, or name another with --server", c.base)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fault.Wrap(fault.Unavailable, "", err, "the answer of %s broke off", c.base)
	}
	if resp.StatusCode >= 300 {
		return answered(resp.StatusCode, data, c.base)
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fault.Wrap(fault.Unavailable, "", err, "%s does not answer as an Assay server", c.base)
	}
	return nil
}

// answered turns an error answer into a fault.
func answered(status int, data []byte, base *url.URL) error {
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(data, &body) != nil || body.Error.Message == "" {
		return fault.New(fault.Unavailable, "%s answered %d and is no Assay server", base, status)
	}
	message := body.Error.Message
	if status == http.StatusUnauthorized {
		message += fmt.Sprintf("; set ASSAY_TOKEN, or ASSAY_USERNAME and ASSAY_PASSWORD, for %s", base)
	}
	for kind := fault.Internal; kind <= fault.Canceled; kind++ {
		if strings.ReplaceAll(kind.String(), " ", "_") == body.Error.Code && kind != fault.Internal {
			return fault.New(kind, "%s", message)
		}
	}
	return fault.New(fault.Unavailable, "the server failed: %s", message)
}
