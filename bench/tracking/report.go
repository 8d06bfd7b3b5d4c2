package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is one figure of both servers.
type row struct {
	Group   string   `json:"group"`
	Measure string   `json:"measure"`
	Unit    string   `json:"unit"`
	Assay   *float64 `json:"assay"`
	MLflow  *float64 `json:"mlflow"`
	Ratio   *float64 `json:"ratio"` // how many times better Assay is
	Bar     string   `json:"bar,omitempty"`
	Met     *bool    `json:"met,omitempty"`
	Note    string   `json:"note,omitempty"`

	lowerIsBetter bool
	old           bool // of an earlier run
}

// report collects rows.
type report struct {
	Machine string    `json:"machine"`
	When    time.Time `json:"when"`
	Rows    []*row    `json:"rows"`
}

func newReport(ctx context.Context, c config) *report {
	return &report{Machine: machine(ctx, c), When: time.Now().UTC().Truncate(time.Second)}
}

// higher adds a figure of which more is better; lower one of which less is.
func (r *report) higher(group, measure, unit string) *row { return r.add(group, measure, unit, false) }
func (r *report) lower(group, measure, unit string) *row  { return r.add(group, measure, unit, true) }

func (r *report) add(group, measure, unit string, lower bool) *row {
	r.Rows = slices.DeleteFunc(r.Rows, func(w *row) bool { return w.old && w.Group == group })
	w := &row{Group: group, Measure: measure, Unit: unit, lowerIsBetter: lower}
	r.Rows = append(r.Rows, w)
	return w
}

func (w *row) assay(v float64) *row  { w.Assay = &v; return w.settle() }
func (w *row) mlflow(v float64) *row { w.MLflow = &v; return w.settle() }

func (w *row) settle() *row {
	if w.Assay == nil || w.MLflow == nil || *w.Assay <= 0 || *w.MLflow <= 0 {
		return w
	}
	ratio := *w.Assay / *w.MLflow
	if w.lowerIsBetter {
		ratio = 1 / ratio
	}
	w.Ratio = &ratio
	return w
}

// atLeast and atMost hold Assay's figure to a bar, ratioAtLeast the ratio.
func (w *row) atLeast(bar float64) *row { return w.hold("≥ "+number(bar), *w.Assay >= bar) }
func (w *row) atMost(bar float64) *row  { return w.hold("≤ "+number(bar), *w.Assay <= bar) }

func (w *row) ratioAtLeast(bar float64) *row {
	if w.Ratio == nil {
		return w
	}
	return w.hold("≥ "+number(bar)+"×", *w.Ratio >= bar)
}

func (w *row) hold(bar string, met bool) *row {
	if w.Bar != "" {
		bar = w.Bar + ", " + bar
		met = met && *w.Met
	}
	w.Bar, w.Met = bar, &met
	return w
}

func (w *row) note(format string, args ...any) *row {
	if w.Note != "" {
		w.Note += "; "
	}
	w.Note += fmt.Sprintf(format, args...)
	return w
}

// noteFailures says how many requests of a load did not succeed.
func (w *row) noteFailures(who string, ts turns) *row {
	if n, last := ts.failed(); n > 0 {
		w.note("%s failed %d requests (%.120s)", who, n, last)
	}
	return w
}

// number writes v with three or four figures that count, thousands apart.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		s := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
		for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	case a == math.Trunc(a):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func (w *row) cells() []string {
	figure := func(v *float64) string {
		if v == nil {
			return "–"
		}
		return number(*v) + " " + w.Unit
	}
	ratio, result := "–", ""
	if w.Ratio != nil {
		ratio = number(*w.Ratio) + "×"
	}
	if w.Met != nil {
		result = "PASS"
		if !*w.Met {
			result = "miss"
		}
	}
	return []string{w.Measure, figure(w.Assay), figure(w.MLflow), ratio, w.Bar, result}
}

var heads = []string{"measure", "Assay", "MLflow", "ratio", "bar", ""}

func (r *report) print(out io.Writer) {
	width := make([]int, len(heads))
	table := [][]string{heads}
	for _, w := range r.Rows {
		table = append(table, w.cells())
	}
	for _, cells := range table {
		for i, c := range cells {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	group := ""
	for n, cells := range table {
		if n > 0 && r.Rows[n-1].Group != group {
			group = r.Rows[n-1].Group
			fmt.Fprintf(out, "\n%s\n", group)
		}
		var line strings.Builder
		for i, c := range cells {
			pad := strings.Repeat(" ", width[i]-len([]rune(c)))
			if i == 0 || i >= 4 {
				line.WriteString("  " + c + pad)
			} else {
				line.WriteString("  " + pad + c)
			}
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
		if n > 0 && r.Rows[n-1].Note != "" {
			fmt.Fprintf(out, "      %s\n", r.Rows[n-1].Note)
		}
	}
}

func (r *report) writeMarkdown(out io.Writer, c config) {
	fmt.Fprintf(out, "# Tracking: Assay and stock MLflow side by side\n\n")
	fmt.Fprintf(out, "Written by `go run ./bench/tracking` on %s. %s\n\n", r.When.Format(time.DateOnly), r.Machine)
	fmt.Fprintf(out, "Both servers run in one go on fresh data with their default settings, SQLite and local artifacts, in turns"+
		" (%d of %s s each, medians); the load generator shares the cores. The ratio is how many times better Assay is.\n",
		c.repeats, number(c.seconds.Seconds()))
	group := ""
	for _, w := range r.Rows {
		if w.Group != group {
			group = w.Group
			fmt.Fprintf(out, "\n## %s\n\n| %s |\n|---|---:|---:|---:|---|---|\n", group, strings.Join(heads, " | "))
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(w.cells(), " | "))
	}
	fmt.Fprintf(out, "\n## Notes\n\n")
	for _, w := range r.Rows {
		if w.Note != "" {
			fmt.Fprintf(out, "* %s: %s.\n", w.Measure, w.Note)
		}
	}
}

// resume takes over the rows of an earlier run, which stand until their group
// is measured again.
func (r *report) resume(c config) error {
	if c.json == "" {
		return nil
	}
	data, err := os.ReadFile(c.json)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var earlier report
	if err := json.Unmarshal(data, &earlier); err != nil {
		return fmt.Errorf("%s: %w", c.json, err)
	}
	for _, w := range earlier.Rows {
		w.old = true
		r.Rows = append(r.Rows, w)
	}
	return nil
}

// save writes what there is so far to the files that were asked for.
func (r *report) save(c config) error {
	if c.json != "" {
		b, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.json, append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	if c.markdown == "" {
		return nil
	}
	var b bytes.Buffer
	r.writeMarkdown(&b, c)
	return os.WriteFile(c.markdown, b.Bytes(), 0o644)
}

// machine describes where this runs, without its name.
func machine(ctx context.Context, c config) string {
	parts := []string{fmt.Sprintf("%d cores", runtime.NumCPU())}
	if v := procValue("/proc/cpuinfo", "model name"); v != "" {
		parts[0] += " of " + v
	}
	if kib, err := strconv.ParseInt(strings.TrimSuffix(procValue("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		parts = append(parts, fmt.Sprintf("%.0f GiB memory", float64(kib)/(1<<20)))
	}
	parts = append(parts, runtime.GOOS+"/"+runtime.GOARCH, runtime.Version())
	if took, err := syncTime(c.work); err == nil {
		parts = append(parts, fmt.Sprintf("fsync of 4 KiB %.2f ms (median)", took))
	}
	for _, command := range []string{c.assay, c.mlflow} {
		if command == "" {
			continue
		}
		args := []string{"version"}
		if command == c.mlflow {
			args = []string{"--version"}
		}
		if out, err := exec.CommandContext(ctx, command, args...).Output(); err == nil {
			parts = append(parts, strings.TrimSpace(string(out)))
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		parts = append(parts, "load before the start "+strings.Fields(string(b))[0])
	}
	return strings.Join(parts, ", ") + "."
}

func procValue(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// syncTime measures what a durable write costs here at least, in milliseconds.
func syncTime(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	for range 100 {
		began := time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return quantile(took, 0.5), nil
}
