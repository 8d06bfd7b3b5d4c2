package price

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

//go:embed snapshot.json
var snapshotJSON []byte

// snapshotFile is the form of snapshot.json. A row is provider, model and the
// rates in the order of [Rates], followed by one list per tier: its threshold
// and its rates. Trailing unknown rates are left out.
type snapshotFile struct {
	Source    string  `json:"source"`
	SHA256    string  `json:"sha256"` // of the file the rows were read from
	Licence   string  `json:"licence"`
	Effective string  `json:"effective"` // date as of which the prices were read
	Rows      [][]any `json:"rows"`
}

// Origin says where the snapshot's prices come from.
type Origin struct {
	Source, SHA256, Licence string
	Effective               time.Time
}

var snapshot = sync.OnceValues(readSnapshot)

// Snapshot returns the prices in the binary and where they come from. They
// were correct at most on their effective date.
func Snapshot() (*Table, Origin) { return snapshot() }

func readSnapshot() (*Table, Origin) {
	var f snapshotFile
	err := json.Unmarshal(snapshotJSON, &f)
	date, dateErr := time.Parse(time.DateOnly, f.Effective)
	if err != nil || dateErr != nil {
		panic(fmt.Sprintf("price: the embedded snapshot is unreadable: %v %v", err, dateErr)) // a test reads it
	}
	prices := make([]Price, 0, len(f.Rows))
	for _, row := range f.Rows {
		p := Price{Provider: row[0].(string), Model: row[1].(string), Effective: date, Source: f.Source}
		p.Rates, p.Tiers = readRates(row[2:])
		prices = append(prices, p)
	}
	return New(prices), Origin{f.Source, f.SHA256, f.Licence, date}
}

func readRates(cells []any) (Rates, []Tier) {
	r, n := NoRates, 0
	slots := []*int64{&r.Input, &r.Output, &r.CacheRead, &r.CacheWrite, &r.Reasoning}
	var tiers []Tier
	for _, c := range cells {
		switch c := c.(type) {
		case float64:
			*slots[n] = int64(c) // below 2^53, as the test of the snapshot shows
			n++
		case []any:
			rates, _ := readRates(c[1:])
			tiers = append(tiers, Tier{int64(c[0].(float64)), rates})
		}
	}
	return r, tiers
}
