package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/assayhq/assay/internal/fault"
)

// Commands that list what a server keeps share their options and tables: a
// page of at most --limit rows, newest first, the next page by --page-token.

// listFlags declares the options of every list.
func listFlags(cmd *cobra.Command) {
	cmd.Flags().Int("limit", 50, "at most this many, 1 to 1000")
	cmd.Flags().String("page-token", "", "continue after the page that printed this token")
	clientFlags(cmd)
}

// pageQuery reads the options of listFlags.
func pageQuery(cmd *cobra.Command) (url.Values, error) {
	n, _ := cmd.Flags().GetInt("limit")
	if n < 1 || n > 1000 {
		return nil, usageError{fault.Invalidf("--limit must be from 1 to 1000, not %d", n)}
	}
	q := url.Values{"limit": {strconv.Itoa(n)}}
	if token, _ := cmd.Flags().GetString("page-token"); token != "" {
		q.Set("page_token", token)
	}
	return q, nil
}

// fetch calls the server and returns its answer both as it is, for --json, and
// decoded into out.
func (c *client) fetch(cmd *cobra.Command, method, path string, q url.Values, in, out any) (json.RawMessage, error) {
	var raw json.RawMessage
	if err := c.call(cmd.Context(), method, path, q, in, &raw); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fault.New(fault.Unavailable, "the server does not answer as this version expects")
	}
	return raw, nil
}

// get is fetch for a GET without parameters, with its client made from cmd.
func get(cmd *cobra.Command, path string, q url.Values, out any) (json.RawMessage, error) {
	c, err := newClient(cmd)
	if err != nil {
		return nil, err
	}
	return c.fetch(cmd, "GET", path, q, nil, out)
}

// rows writes a table whose last column takes what is left of the terminal's
// width, then how to read on; nothing is cut where nobody watches.
func (s *streams) rows(w io.Writer, none string, next *string, header []string, rows [][]string) {
	if len(rows) == 0 {
		fmt.Fprintln(w, none)
		return
	}
	room, last := s.width(), len(header)-1
	if room > 0 {
		for col := range last {
			widest := len(header[col])
			for _, r := range rows {
				widest = max(widest, len([]rune(r[col])))
			}
			room -= widest + 2
		}
		for _, r := range rows {
			r[last] = cut(r[last], max(room, 8))
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(header, "\t"))
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	t.Flush()
	if next != nil && *next != "" {
		fmt.Fprintf(s.err, "There is more: --page-token %s\n", *next)
	}
}

// width is the number of columns of the terminal that reads the output; 0 if
// none does.
func (s *streams) width() int {
	f, ok := s.out.(*os.File)
	if !ok {
		return 0
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return n
}

// line makes text from outside one line that cannot command a terminal.
func line(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return cut(strings.Join(strings.Fields(clean), " "), 400)
}

// lines is line for text that may have several.
func lines(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, text)
}

func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// unknown stands for what is not known, which is never 0.
const unknown = "-"

func moment(ms *int64) string {
	if ms == nil || *ms == 0 {
		return unknown
	}
	return time.UnixMilli(*ms).Format("2006-01-02 15:04")
}

func tookMS(ms *float64) string {
	switch {
	case ms == nil:
		return unknown
	case *ms < 1000:
		return fmt.Sprintf("%.3g ms", *ms)
	case *ms < 60_000:
		return fmt.Sprintf("%.3g s", *ms/1000)
	}
	return (time.Duration(*ms) * time.Millisecond).Round(time.Second).String()
}

// orUnknown is text on one line, or the mark of what is not known.
func orUnknown(text string) string {
	if text = line(text); text == "" {
		return unknown
	}
	return text
}

func number(n *int64) string {
	if n == nil {
		return unknown
	}
	return strconv.FormatInt(*n, 10)
}

func money(v *float64) string {
	if v == nil {
		return unknown
	}
	return fmt.Sprintf("$%.3g", *v)
}

// sinceFlag declares --since on a command.
func sinceFlag(cmd *cobra.Command) {
	cmd.Flags().String("since", "", "not older than this, as 24h, 7d or 2026-01-31T00:00:00Z")
}

// since reads --since as unix milliseconds; 0 is no bound.
func since(cmd *cobra.Command) (int64, error) {
	text, _ := cmd.Flags().GetString("since")
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Now().AddDate(0, 0, -int(n)).UnixMilli(), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return time.Now().Add(-d).UnixMilli(), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UnixMilli(), nil
	}
	return 0, usageError{fault.Invalidf("--since %q is neither a duration such as 24h or 7d nor a time such as 2026-01-31T00:00:00Z", text)}
}
