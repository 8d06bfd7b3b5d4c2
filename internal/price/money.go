package price

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// PerMillion reads a price as people write it, US dollars per million tokens
// ("2.50", "$0.035"), into a rate. It is [fault.Invalid] unless it is a plain
// non-negative decimal that is a whole number of pico-dollars per token.
func PerMillion(s string) (int64, error) {
	return decimal(strings.TrimPrefix(strings.TrimSpace(s), "$"), Dollar/1_000_000)
}

// PerToken reads US dollars per token ("2.5e-06", "0.0000025") into a rate.
func PerToken(s string) (int64, error) { return decimal(s, Dollar) }

func decimal(s string, scale int64) (int64, error) {
	if len(s) > 40 || strings.ContainsAny(s, "/_xXpPbBoO") {
		return 0, fault.Invalidf("price %q is not a decimal number", clip(s))
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 { // keep the exponent small before it is computed
		if n, err := strconv.Atoi(s[i+1:]); err != nil || n < -30 || n > 30 {
			return 0, fault.Invalidf("price %q is out of range", clip(s))
		}
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fault.Invalidf("price %q is not a decimal number", clip(s))
	}
	r.Mul(r, new(big.Rat).SetInt64(scale))
	if r.Sign() < 0 || !r.IsInt() || !r.Num().IsInt64() {
		return 0, fault.Invalidf("price %q is not a whole, non-negative number of pico-dollars per token", clip(s))
	}
	return r.Num().Int64(), nil
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// Dollars writes an amount of pico-dollars exactly: "0.0125", "3", "unknown".
func Dollars(pico int64) string {
	if pico < 0 {
		return "unknown"
	}
	whole := strconv.FormatInt(pico/Dollar, 10)
	fraction := strconv.FormatInt(Dollar+pico%Dollar, 10)[1:]
	if fraction = strings.TrimRight(fraction, "0"); fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
