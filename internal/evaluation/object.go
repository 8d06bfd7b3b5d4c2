package evaluation

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/assayhq/assay/internal/fault"
)

// object is a JSON object that keeps the order of its members, since people
// read records in the order they wrote them. Values are compact JSON.
type object []member

type member struct {
	key   string
	value json.RawMessage
}

// parseObject reads a JSON object. Of a repeated key the last value counts.
func parseObject(what string, raw []byte) (object, error) {
	bad := fault.Invalidf("'%s' must be a JSON object", what)
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, bad
	}
	o := object{}
	index := map[string]int{}
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, bad
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, bad
		}
		if value, err = compact(value); err != nil {
			return nil, bad
		}
		if i, known := index[key]; known {
			o[i].value = value
			continue
		}
		index[key] = len(o)
		o = append(o, member{key, value})
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, bad
	}
	return o, nil
}

func compact(raw []byte) (json.RawMessage, error) {
	var b bytes.Buffer
	err := json.Compact(&b, raw)
	return b.Bytes(), err
}

func (o object) get(key string) (json.RawMessage, bool) {
	i := slices.IndexFunc(o, func(m member) bool { return m.key == key })
	if i < 0 {
		return nil, false
	}
	return o[i].value, true
}

// with returns o with the members of other set.
func (o object) with(other object) object {
	out := slices.Clone(o)
	index := make(map[string]int, len(o)+len(other))
	for i, m := range out {
		index[m.key] = i
	}
	for _, m := range other {
		if i, known := index[m.key]; known {
			out[i].value = m.value
			continue
		}
		index[m.key] = len(out)
		out = append(out, m)
	}
	return out
}

// encode writes o as Python's json does, with a space after separators: the
// text of a schema is shown to clients as it is.
func (o object) encode(spaced bool) []byte {
	comma, colon := ",", ":"
	if spaced {
		comma, colon = ", ", ": "
	}
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, comma...)
		}
		b = append(append(append(b, quote(m.key)...), colon...), m.value...)
	}
	return append(b, '}')
}

func quote(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// canonical is raw with sorted keys and without spaces; equal inputs have
// equal texts. Numbers stay as they were written.
func canonical(raw []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// isNull reports whether raw is missing or null.
func isNull(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }

// text returns raw's string, if it is one.
func text(raw []byte) (string, bool) {
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

// typeName names the type of a JSON value as schemas do.
func typeName(raw []byte) string {
	switch raw[0] {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '[':
		return "array"
	case '{':
		return "object"
	}
	if bytes.ContainsAny(raw, ".eE") {
		return "float"
	}
	return "integer"
}
