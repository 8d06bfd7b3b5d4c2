package mcp

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// Codes of JSON-RPC, and those that MCP adds.
const (
	codeParse           = -32700
	codeInvalidRequest  = -32600
	codeNoMethod        = -32601
	codeInvalidParams   = -32602
	codeInternal        = -32603
	codeNoResource      = -32002 // until revision 2025-11-25
	codeHeaderMismatch  = -32020
	codeUnknownRevision = -32022
)

// Limits of a message.
const (
	maxDepth  = 64  // of nesting
	maxBatch  = 20  // messages
	maxID     = 256 // bytes of an id as written
	maxMethod = 128 // bytes of a method's name
)

// message is one decoded JSON-RPC message. A notification has no id.
type message struct {
	id     json.RawMessage // as written; nil for a notification
	method string
	params map[string]json.RawMessage
	reply  bool      // a response, which this server never asked for
	err    *rpcError // why it is no valid message; id may be known all the same
}

// rpcError is the error of a response.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *rpcError) Error() string { return e.Message }

// response is what goes back.
type response struct {
	ID     json.RawMessage
	Result any
	Error  *rpcError
}

// MarshalJSON writes id null where the id could not be read.
func (r *response) MarshalJSON() ([]byte, error) {
	id := r.ID
	if id == nil {
		id = json.RawMessage("null")
	}
	if r.Error != nil {
		return encode(struct {
			V     string          `json:"jsonrpc"`
			ID    json.RawMessage `json:"id"`
			Error *rpcError       `json:"error"`
		}{"2.0", id, r.Error})
	}
	return encode(struct {
		V      string          `json:"jsonrpc"`
		ID     json.RawMessage `json:"id"`
		Result any             `json:"result"`
	}{"2.0", id, r.Result})
}

// encode is JSON without the escapes that only HTML needs.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// decode reads a message or a batch. The whole text is checked before any of
// it is used: valid UTF-8, nesting within bounds, and no key twice in one
// object, because two readers may differ about which of the two counts.
func decode(body []byte) (batch bool, list []message, e *rpcError) {
	if !utf8.Valid(body) {
		return false, nil, &rpcError{codeParse, "the message is not valid UTF-8", nil}
	}
	if e := scan(body); e != nil {
		return false, nil, e
	}
	if body = bytes.TrimSpace(body); body[0] != '[' {
		return false, []message{decodeOne(body)}, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return true, nil, &rpcError{codeParse, "the message is not valid JSON", nil}
	}
	if len(raw) == 0 || len(raw) > maxBatch {
		return true, nil, &rpcError{codeInvalidRequest, "a batch has 1 to 20 messages", nil}
	}
	for _, r := range raw {
		list = append(list, decodeOne(r))
	}
	return true, list, nil
}

// scan walks all tokens of body, which must be one JSON value.
func scan(body []byte) *rpcError {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	type level struct {
		keys map[string]bool // nil in a list
		key  bool            // a key comes next
	}
	var stack []level
	for first := true; first || len(stack) > 0; first = false {
		t, err := dec.Token()
		if err != nil {
			return &rpcError{codeParse, "the message is not valid JSON", nil}
		}
		top := len(stack) - 1
		if top >= 0 && stack[top].key {
			if name, ok := t.(string); ok {
				if stack[top].keys[name] {
					return &rpcError{codeParse, "an object has the same key twice", nil}
				}
				stack[top].keys[name] = true
				stack[top].key = false
				continue
			}
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if len(stack) == maxDepth {
				return &rpcError{codeParse, "the message is nested too deep", nil}
			}
			l := level{}
			if t == json.Delim('{') {
				l = level{keys: map[string]bool{}, key: true}
			}
			stack = append(stack, l)
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
			top--
		}
		if top >= 0 && stack[top].keys != nil {
			stack[top].key = true
		}
	}
	if _, err := dec.Token(); err != io.EOF {
		return &rpcError{codeParse, "something follows the message", nil}
	}
	return nil
}

// decodeOne reads one message. Members are taken by their exact names.
func decodeOne(raw []byte) (m message) {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &fields) != nil || fields == nil {
		m.err = &rpcError{codeInvalidRequest, "a message is a JSON object", nil}
		return m
	}
	if id, ok := fields["id"]; ok {
		if !validID(id) {
			m.err = &rpcError{codeInvalidRequest, "id must be a string or a whole number of at most 256 bytes", nil}
			return m
		}
		m.id = id
	}
	var v string
	if json.Unmarshal(fields["jsonrpc"], &v) != nil || v != "2.0" {
		m.err = &rpcError{codeInvalidRequest, `jsonrpc must be "2.0"`, nil}
		return m
	}
	_, result := fields["result"]
	_, failed := fields["error"]
	if _, asks := fields["method"]; !asks && m.id != nil && (result || failed) {
		m.reply = true
		return m
	}
	if json.Unmarshal(fields["method"], &m.method) != nil || m.method == "" || len(m.method) > maxMethod {
		m.err = &rpcError{codeInvalidRequest, "method must be a name", nil}
		return m
	}
	if p, ok := fields["params"]; ok {
		if json.Unmarshal(p, &m.params) != nil || m.params == nil {
			m.err = &rpcError{codeInvalidParams, "params must be a JSON object", nil}
		}
	}
	return m
}

// validID accepts strings and whole numbers.
func validID(id []byte) bool {
	if len(id) == 0 || len(id) > maxID {
		return false
	}
	if id[0] == '"' {
		return true
	}
	for i, c := range id {
		if c < '0' || c > '9' {
			if c != '-' || i > 0 {
				return false
			}
		}
	}
	return true
}

// text reads a string member of params.
func (m *message) text(name string) (string, bool) {
	var s *string
	if json.Unmarshal(m.params[name], &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}
