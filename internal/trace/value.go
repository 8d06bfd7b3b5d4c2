package trace

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

// StringValue, BoolValue, IntValue and FloatValue make scalar values.
func StringValue(s string) Value { return Value{Kind: String, Str: s} }
func IntValue(i int64) Value     { return Value{Kind: Int, Int: i} }
func FloatValue(f float64) Value { return Value{Kind: Float, Float: f} }
func BoolValue(b bool) Value {
	if b {
		return Value{Kind: Bool, Int: 1}
	}
	return Value{Kind: Bool}
}

// Lookup returns the value of key: the last one, if it is repeated.
func Lookup(attrs []Attr, key string) (Value, bool) {
	for i := len(attrs) - 1; i >= 0; i-- {
		if attrs[i].Key == key {
			return attrs[i].Value, true
		}
	}
	return Value{}, false
}

// Get returns the value of the map's key, or Null.
func (v Value) Get(key string) Value {
	if v.Kind != Map {
		return Value{}
	}
	got, _ := Lookup(v.Map, key)
	return got
}

// Text returns a string as it is and anything else as JSON; Null is "".
func (v Value) Text() string {
	switch v.Kind {
	case Null:
		return ""
	case String:
		return v.Str
	}
	return string(v.AppendJSON(nil))
}

// AppendJSON appends v as JSON text. NaN and the infinities, which JSON has
// no number for, become the strings "NaN", "Infinity" and "-Infinity"; bytes
// become base64; of a repeated key the last value is written.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.Kind {
	case String:
		return AppendJSONString(b, v.Str)
	case Bool:
		return strconv.AppendBool(b, v.Int != 0)
	case Int:
		return strconv.AppendInt(b, v.Int, 10)
	case Float:
		return appendJSONFloat(b, v.Float)
	case List:
		b = append(b, '[')
		for i := range v.List {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.List[i].AppendJSON(b)
		}
		return append(b, ']')
	case Map:
		return AppendJSONAttrs(b, v.Map)
	case Bytes:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, []byte(v.Str))
		return append(b, '"')
	}
	return append(b, "null"...)
}

// AppendJSONAttrs appends attrs as a JSON object.
func AppendJSONAttrs(b []byte, attrs []Attr) []byte {
	b = append(b, '{')
	first := true
	var later map[string]int // key to its last index; only made for big maps
	if len(attrs) > 16 {
		later = make(map[string]int, len(attrs))
		for i := range attrs {
			later[attrs[i].Key] = i
		}
	}
	for i := range attrs {
		if repeatedLater(attrs, i, later) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = AppendJSONString(b, attrs[i].Key)
		b = append(b, ':')
		b = attrs[i].Value.AppendJSON(b)
	}
	return append(b, '}')
}

func repeatedLater(attrs []Attr, i int, later map[string]int) bool {
	if later != nil {
		return later[attrs[i].Key] != i
	}
	for j := i + 1; j < len(attrs); j++ {
		if attrs[j].Key == attrs[i].Key {
			return true
		}
	}
	return false
}

func appendJSONFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	start := len(b)
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e16) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, f, format, -1, 64)
	if bytes.IndexByte(b[start:], '.') < 0 && format == 'f' {
		b = append(b, ".0"...) // so that a float reads back as one
	}
	return b
}

const hexDigits = "0123456789abcdef"

// AppendJSONString appends s as a JSON string, escaping no more than JSON
// demands; bytes that are not UTF-8 become U+FFFD.
func AppendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(b, s[start:i]...)
				b = append(b, "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// ParseValue reads JSON text into a value. A number without fraction or
// exponent that fits 64 bits is an Int, any other a Float. Objects keep the
// order of their keys. The text must hold one JSON value and nothing more.
func ParseValue(text []byte) (Value, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	p := jsonParser{dec: dec, budget: maxSpanValues}
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return Value{}, fault.Invalidf("text follows the JSON value")
	}
	return v, nil
}

type jsonParser struct {
	dec    *json.Decoder
	budget int
}

func (p *jsonParser) value(depth int) (Value, error) {
	tok, err := p.dec.Token()
	if err != nil {
		return Value{}, fault.Wrap(fault.Invalid, "", err, "the text is not JSON")
	}
	return p.after(tok, depth)
}

func (p *jsonParser) after(tok json.Token, depth int) (Value, error) {
	if p.budget--; p.budget < 0 || depth > maxDepth {
		return Value{}, fault.New(fault.TooLarge, "the JSON value is nested too deep or has too many parts")
	}
	switch t := tok.(type) {
	case string:
		return StringValue(t), nil
	case bool:
		return BoolValue(t), nil
	case json.Number:
		return numberValue(string(t)), nil
	case json.Delim:
		if t == '[' {
			return p.list(depth + 1)
		}
		return p.object(depth + 1)
	}
	return Value{}, nil
}

func numberValue(s string) Value {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return IntValue(i)
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range gives an infinity
	return FloatValue(f)
}

func (p *jsonParser) list(depth int) (Value, error) {
	v := Value{Kind: List}
	for p.dec.More() {
		item, err := p.value(depth)
		if err != nil {
			return Value{}, err
		}
		v.List = append(v.List, item)
	}
	_, err := p.dec.Token()
	return v, fault.Wrap(fault.Invalid, "", err, "the text is not JSON")
}

func (p *jsonParser) object(depth int) (Value, error) {
	v := Value{Kind: Map}
	for p.dec.More() {
		tok, err := p.dec.Token()
		if err != nil {
			return Value{}, fault.Wrap(fault.Invalid, "", err, "the text is not JSON")
		}
		key, _ := tok.(string) // the decoder lets nothing else stand here
		item, err := p.value(depth)
		if err != nil {
			return Value{}, err
		}
		v.Map = append(v.Map, Attr{Key: key, Value: item})
	}
	_, err := p.dec.Token()
	return v, fault.Wrap(fault.Invalid, "", err, "the text is not JSON")
}
