package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

func newMCP(io *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Let an agent on this machine read a server, over standard input and output",
		Long: `Speaks the Model Context Protocol on standard input and output, for agents
that start their servers as commands, and passes each message to the server.
Agents that speak HTTP need no command: their address is the server's /mcp.

Everything is read-only. Credentials come from ASSAY_TOKEN.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			c.http.Timeout = 0 // the agent decides how long it waits
			return (&stdioProxy{client: c, out: io.out}).run(cmd.Context(), io.in)
		},
	}
	clientFlags(cmd)
	return cmd
}

// stdioProxy carries messages, one a line, to a server and back. Requests are
// passed on side by side, as agents ask several things at once.
type stdioProxy struct {
	client *client
	mu     sync.Mutex
	out    io.Writer
}

const (
	maxLine     = 4 << 20 // bytes of a message
	maxInFlight = 8
)

func (p *stdioProxy) run(ctx context.Context, in io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	slots := make(chan struct{}, maxInFlight)
	var flying sync.WaitGroup
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		body := bytes.Clone(line)
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		flying.Go(func() {
			defer func() { <-slots }()
			p.pass(ctx, body)
		})
	}
	flying.Wait()
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fault.New(fault.TooLarge, "a message is over %d MiB", maxLine>>20)
	}
	return lines.Err()
}

// sent is what the proxy must know of a message to pass it on.
type sent struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name string         `json:"name"`
		URI  string         `json:"uri"`
		Meta map[string]any `json:"_meta"`
	} `json:"params"`
}

// pass sends one message and writes the answer. Without an answer the agent
// gets an error that says why; notifications have none either way.
func (p *stdioProxy) pass(ctx context.Context, body []byte) {
	var m sent
	json.Unmarshal(body, &m) // what is malformed the server says
	answer, err := p.post(ctx, body, &m)
	if err != nil {
		if m.ID == nil || ctx.Err() != nil {
			return
		}
		answer, _ = json.Marshal(map[string]any{"jsonrpc": "2.0", "id": m.ID, "error": map[string]any{"code": -32603, "message": fault.Message(err)}})
	}
	if len(answer) == 0 {
		return
	}
	var one bytes.Buffer
	if json.Compact(&one, answer) != nil {
		return
	}
	one.WriteByte('\n')
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.Write(one.Bytes())
}

func (p *stdioProxy) post(ctx context.Context, body []byte, m *sent) ([]byte, error) {
	u := strings.TrimSuffix(p.client.base.String(), "/") + "/mcp"
	if ws := p.client.workspace; ws != "" && ws != "default" {
		u += "/" + url.PathEscape(ws)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = p.client.header()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	// Newer revisions repeat in headers what the message says.
	if v, ok := m.Params.Meta["io.modelcontextprotocol/protocolVersion"].(string); ok {
		req.Header.Set("Mcp-Protocol-Version", headerSafe(v))
		req.Header.Set("Mcp-Method", headerSafe(m.Method))
		switch m.Method {
		case "tools/call", "prompts/get":
			req.Header.Set("Mcp-Name", headerSafe(m.Params.Name))
		case "resources/read":
			req.Header.Set("Mcp-Name", headerSafe(m.Params.URI))
		}
	}
	resp, err := p.client.http.Do(req)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "", err, "no server answers at %s; start one with `assay serve`, or name another with --server", p.client.base)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "", err, "the answer of %s broke off", p.client.base)
	}
	return p.answered(resp, data, m)
}

// answered makes sure that what goes back is an answer to m.
func (p *stdioProxy) answered(resp *http.Response, data []byte, m *sent) ([]byte, error) {
	if resp.StatusCode == http.StatusAccepted {
		return nil, nil
	}
	var body struct {
		ID    json.RawMessage `json:"id"`
		Error *struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) > 0 && trimmed[0] == '[' && json.Valid(trimmed) {
		return data, nil
	}
	if json.Unmarshal(data, &body) != nil {
		return nil, fault.New(fault.Unavailable, "%s answered %d and is no Assay server", p.client.base, resp.StatusCode)
	}
	if body.Error != nil && string(body.ID) == "null" && m.ID != nil {
		message := body.Error.Message
		if resp.StatusCode == http.StatusUnauthorized {
			message += fmt.Sprintf("; set ASSAY_TOKEN for %s", p.client.base)
		}
		return nil, fault.New(fault.Unavailable, "%s", message)
	}
	return data, nil
}

// headerSafe wraps a text that a header cannot hold.
func headerSafe(s string) string {
	plain := s == strings.TrimSpace(s) && !strings.HasPrefix(s, "=?base64?")
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] <= '~'
	}
	if plain {
		return s
	}
	return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}
