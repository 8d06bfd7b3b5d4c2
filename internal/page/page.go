// Package page makes and reads the opaque tokens of keyset paging.
//
// A token holds the sort key of the last row a client has seen; the next page
// is what sorts after it, so that rows which come or go between two requests
// neither repeat nor hide others, and a deep page costs what the first does.
//
// A token is bound to its query (filter, order, scope; see [NewQuery]): used
// with another one it is refused rather than answered wrongly. It carries a
// checksum against damage, not a signature: it holds nothing but values the
// client has just been sent, and one made by hand gives no more than a filter
// would.
package page

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

const (
	version   = 1
	maxKeys   = 64
	maxToken  = 512 << 10 // bytes of encoded token
	queryLen  = 8
	checkLen  = 4
	headerLen = 1 + queryLen
)

// Query identifies what is being paged through.
type Query [queryLen]byte

// NewQuery digests everything that decides which rows there are and in which
// order: the call's name, filter, order and scope, not the page size. The
// parts are kept apart, so that ("ab", "c") and ("a", "bc") differ.
func NewQuery(parts ...string) Query {
	h := sha256.New()
	var length [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(p)))
		h.Write(length[:])
		h.Write([]byte(p))
	}
	return Query(h.Sum(nil)[:queryLen])
}

// Kind of a key.
type Kind uint8

// Kinds of key.
const (
	Null Kind = iota
	String
	Int
	Float // including NaN and the infinities
)

// Key is one component of a row's sort key.
type Key struct {
	Kind  Kind
	Str   string
	Int   int64
	Float float64
}

// NullKey is the key of a missing value.
func NullKey() Key { return Key{} }

// StringKey is the key of a text, which must be valid UTF-8.
func StringKey(s string) Key { return Key{Kind: String, Str: s} }

// IntKey is the key of an integer.
func IntKey(n int64) Key { return Key{Kind: Int, Int: n} }

// FloatKey is the key of a number; every bit of it is kept.
func FloatKey(f float64) Key { return Key{Kind: Float, Float: f} }

// OptionalString is StringKey, or null for nil.
func OptionalString(s *string) Key { return optional(s, StringKey) }

// OptionalInt is IntKey, or null for nil.
func OptionalInt(n *int64) Key { return optional(n, IntKey) }

// OptionalFloat is FloatKey, or null for nil.
func OptionalFloat(f *float64) Key { return optional(f, FloatKey) }

func optional[T any](p *T, key func(T) Key) Key {
	if p == nil {
		return Key{}
	}
	return key(*p)
}

// Any returns the key as what database/sql takes: nil, string, int64, float64.
func (k Key) Any() any {
	switch k.Kind {
	case String:
		return k.Str
	case Int:
		return k.Int
	case Float:
		return k.Float
	}
	return nil
}

// Encode returns the token for the page after the row with these keys. It is
// safe in a URL. More than 64 keys are a defect of the caller and panic.
func Encode(q Query, keys ...Key) string {
	if len(keys) > maxKeys {
		panic(fmt.Sprintf("page: %d keys", len(keys)))
	}
	b := make([]byte, 0, 64)
	b = append(b, version)
	b = append(b, q[:]...)
	for _, k := range keys {
		b = append(b, byte(k.Kind))
		switch k.Kind {
		case String:
			b = binary.AppendUvarint(b, uint64(len(k.Str)))
			b = append(b, k.Str...)
		case Int:
			b = binary.AppendVarint(b, k.Int)
		case Float:
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(k.Float))
		}
	}
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

// Decode reads a token made for the query q with n keys. The empty token
// stands for the first page and gives nil. Anything that is not such a token
// is [fault.Invalid].
func Decode(token string, q Query, n int) ([]Key, error) {
	if token == "" {
		return nil, nil
	}
	if len(token) > maxToken {
		return nil, fault.Invalidf("Invalid page token: it is too long")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < headerLen+checkLen {
		return nil, fault.Invalidf("Invalid page token: pass the token of the previous answer unchanged")
	}
	body, sum := b[:len(b)-checkLen], b[len(b)-checkLen:]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(sum) || body[0] != version {
		return nil, fault.Invalidf("Invalid page token: it is damaged or from another version; start again from the first page")
	}
	if Query(body[1:headerLen]) != q {
		return nil, fault.Invalidf("Invalid page token: it belongs to a search with another filter, order or scope")
	}
	keys, ok := decodeKeys(body[headerLen:])
	if !ok || len(keys) != n {
		return nil, fault.Invalidf("Invalid page token: it is malformed; start again from the first page")
	}
	return keys, nil
}

func decodeKeys(b []byte) ([]Key, bool) {
	var keys []Key
	for len(b) > 0 && len(keys) < maxKeys {
		k := Key{Kind: Kind(b[0])}
		b = b[1:]
		switch k.Kind {
		case Null:
		case String:
			length, n := binary.Uvarint(b)
			if n <= 0 || length > uint64(len(b)-n) {
				return nil, false
			}
			k.Str = string(b[n : n+int(length)])
			if !utf8.ValidString(k.Str) {
				return nil, false
			}
			b = b[n+int(length):]
		case Int:
			v, n := binary.Varint(b)
			if n <= 0 {
				return nil, false
			}
			k.Int = v
			b = b[n:]
		case Float:
			if len(b) < 8 {
				return nil, false
			}
			k.Float = math.Float64frombits(binary.BigEndian.Uint64(b))
			b = b[8:]
		default:
			return nil, false
		}
		keys = append(keys, k)
	}
	return keys, len(b) == 0
}

// Limit returns the page size to use: the default when none was asked for
// (zero), else what was asked for. Less than one or more than the maximum is
// [fault.Invalid], as MLflow has it; name is the request's field.
func Limit(name string, asked, standard, most int) (int, error) {
	switch {
	case asked == 0:
		return standard, nil
	case asked < 0:
		return 0, fault.Invalidf("Invalid value %d for parameter '%s' supplied: it must be a positive integer", asked, name)
	case asked > most:
		return 0, fault.Invalidf("Invalid value %d for parameter '%s' supplied: it must be at most %d", asked, name, most)
	}
	return asked, nil
}

// Clamp is [Limit] for callers where too much is cut down rather than refused.
func Clamp(asked, standard, most int) int {
	if asked <= 0 {
		return standard
	}
	return min(asked, most)
}
