// Command snapshot writes the price snapshot of package price from LiteLLM's
// public price table (model_prices_and_context_window.json, MIT). It keeps
// facts only: provider, model and token prices.
//
//	go run ./internal/price/snapshot -in model_prices_and_context_window.json -date 2026-08-01
//
// Left out are models that are not billed by the token; models whose input and
// output cost nothing, because the table writes 0 for "unknown" as well; rates
// that can only be slips; and regional ids of Bedrock that cost what the model itself does.
package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"maps"
	"math/big"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/price"
)

func main() {
	log.SetFlags(0)
	in := flag.String("in", "", "the price table")
	date := flag.String("date", "", "the day as of which it holds, YYYY-MM-DD")
	out := flag.String("out", "internal/price/snapshot.json", "where to write")
	flag.Parse()
	if *in == "" || *date == "" {
		log.Fatal("snapshot: -in and -date are needed")
	}
	raw, err := os.ReadFile(*in)
	if err != nil {
		log.Fatal(err)
	}
	rows, err := read(raw)
	if err != nil {
		log.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"source\": \"LiteLLM model_prices_and_context_window.json\",\n\"sha256\": %q,\n", hex.EncodeToString(sum[:]))
	fmt.Fprintf(&b, "\"licence\": \"MIT, Copyright (c) 2023 Berri AI\",\n\"effective\": %q,\n\"rows\": [\n", *date)
	for i, r := range rows {
		line, err := json.Marshal(r.cells())
		if err != nil {
			log.Fatal(err)
		}
		b.Write(line)
		if i < len(rows)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]}\n")
	if err := os.WriteFile(*out, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	log.Printf("%d prices, %d bytes", len(rows), b.Len())
}

// dearest is the highest rate taken for a price, $2,000 per million tokens.
// Above it stand slips of the table, such as prices per million in a field per
// token.
const dearest = price.Dollar / 500

type row struct {
	provider, model string
	rates           price.Rates
	tiers           []price.Tier
}

// cells is the row as package price reads it.
func (r row) cells() []any {
	list := append([]any{r.provider, r.model}, rateCells(r.rates)...)
	for _, t := range r.tiers {
		list = append(list, append([]any{t.Above}, rateCells(t.Rates)...))
	}
	return list
}

func rateCells(r price.Rates) []any {
	all := []int64{r.Input, r.Output, r.CacheRead, r.CacheWrite, r.Reasoning}
	for len(all) > 0 && all[len(all)-1] < 0 {
		all = all[:len(all)-1]
	}
	var cells []any
	for _, n := range all {
		cells = append(cells, n)
	}
	return cells
}

func read(raw []byte) ([]row, error) {
	var table map[string]map[string]json.RawMessage
	if err := json.Unmarshal(raw, &table); err != nil {
		return nil, err
	}
	rows := map[string]row{}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		fields := table[name]
		if !slices.Contains([]string{"chat", "completion", "embedding", "responses"}, text(fields["mode"])) {
			continue
		}
		r, ok, err := readRow(name, fields)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if !ok {
			continue
		}
		// One model may be listed with and without its provider in front. The
		// entry that says more counts, else the first in the alphabet.
		key := r.provider + "/" + r.model
		old, seen := rows[key]
		if seen && !slices.Equal(flat(old), flat(r)) {
			log.Printf("listed twice: %s with %v and %v", key, flat(old), flat(r))
		}
		if !seen || len(old.cells()) < len(r.cells()) {
			rows[key] = r
		}
	}
	region := regexp.MustCompile(`^(us|eu|apac|ap|au|jp|ca|sa|me|af|us-gov|global)\.|^[a-z]{2}(-gov)?-[a-z]+-\d/`)
	var list []row
	for _, r := range rows {
		if base := region.ReplaceAllString(r.model, ""); r.provider == "bedrock" && base != r.model {
			same, ok := rows["bedrock/"+base]
			if ok && slices.Equal(flat(same), flat(r)) {
				continue
			}
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b row) int { return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.model, b.model)) })
	return list, nil
}

func flat(r row) []string {
	var s []string
	for _, c := range r.cells()[2:] {
		s = append(s, fmt.Sprint(c))
	}
	return s
}

func readRow(name string, fields map[string]json.RawMessage) (row, bool, error) {
	provider := price.Provider(text(fields["litellm_provider"]))
	if provider == "" {
		provider = text(fields["litellm_provider"])
	}
	r := row{provider: provider, model: strings.ToLower(name)}
	if head, rest, ok := strings.Cut(r.model, "/"); ok && (price.Provider(head) == provider || head == provider) {
		r.model = rest
	}
	var err error
	if r.rates, err = rates(fields, price.NoRates, ""); err != nil {
		return row{}, false, err
	}
	if text(fields["mode"]) == "embedding" && r.rates.Output < 0 {
		r.rates.Output = 0
	}
	if dear := max(r.rates.Input, r.rates.Output); dear > dearest {
		log.Printf("left out: %s at %s dollars per token", name, price.Dollars(dear))
		return row{}, false, nil
	}
	if r.rates.Input < 0 || r.rates.Input == 0 && r.rates.Output <= 0 {
		return row{}, false, nil
	}
	for field := range fields {
		rest, ok := strings.CutPrefix(field, "input_cost_per_token_above_")
		k, plain := strings.CutSuffix(rest, "k_tokens")
		if !ok || !plain {
			continue
		}
		n, err := strconv.ParseInt(k, 10, 64)
		if err != nil {
			return row{}, false, err
		}
		t := price.Tier{Above: n * 1000}
		if t.Rates, err = rates(fields, r.rates, "_above_"+k+"k_tokens"); err != nil {
			return row{}, false, err
		}
		r.tiers = append(r.tiers, t)
	}
	slices.SortFunc(r.tiers, func(a, b price.Tier) int { return cmp.Compare(a.Above, b.Above) })
	return r, true, nil
}

// rates reads the fields with that suffix over base, which stands for those
// that are not there.
func rates(fields map[string]json.RawMessage, base price.Rates, suffix string) (price.Rates, error) {
	r := base
	for name, slot := range map[string]*int64{
		"input_cost_per_token":            &r.Input,
		"output_cost_per_token":           &r.Output,
		"cache_read_input_token_cost":     &r.CacheRead,
		"cache_creation_input_token_cost": &r.CacheWrite,
		"output_cost_per_reasoning_token": &r.Reasoning,
	} {
		v, ok := fields[name+suffix]
		if !ok || string(v) == "null" {
			continue
		}
		n, err := pico(strings.Trim(string(v), `"`))
		if err != nil {
			return r, fmt.Errorf("%s: %w", name+suffix, err)
		}
		if n == 0 && name == "cache_read_input_token_cost" {
			n = price.Unknown // nobody reads a cache for nothing; here 0 is "not known"
		}
		*slot = n
	}
	return r, nil
}

// pico reads dollars per token. The table was once written from binary floats,
// so a value may be off a whole pico-dollar by a rounding error, but no more.
func pico(s string) (int64, error) {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	r.Mul(r, big.NewRat(price.Dollar, 1))
	whole, ok := new(big.Int).SetString(r.FloatString(0), 10)
	off := new(big.Rat).Sub(r, new(big.Rat).SetInt(whole))
	if !ok || !whole.IsInt64() || whole.Sign() < 0 || off.Abs(off).Cmp(big.NewRat(1, 1000)) > 0 {
		return 0, fmt.Errorf("%q is not a whole number of pico-dollars", s)
	}
	return whole.Int64(), nil
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
