package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

func newPrompt(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "prompt", Short: "List, show and compare prompts of a server"}
	cmd.AddCommand(newRegisteredList(s, "prompt", "prompts"), newPromptShow(s), newPromptDiff(s))
	return cmd
}

// promptVersionIn is a prompt version as the server's API has it.
type promptVersionIn struct {
	Version   string          `json:"version"`
	Template  json.RawMessage `json:"template"`
	Variables []string        `json:"variables"`
	Message   string          `json:"commit_message"`
	Aliases   []string        `json:"aliases"`
	User      string          `json:"user"`
	Created   *int64          `json:"created_ms"`
}

// text is the template: as it is, or its messages under their roles.
func (v *promptVersionIn) text() string {
	var text string
	if json.Unmarshal(v.Template, &text) == nil {
		return lines(text)
	}
	var turns []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	if json.Unmarshal(v.Template, &turns) != nil {
		return indented(v.Template)
	}
	parts := []string{}
	for _, t := range turns {
		parts = append(parts, line(t.Role)+":\n"+lines(t.Content))
	}
	return strings.Join(parts, "\n\n")
}

func newPromptShow(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "show NAME [VERSION]", Short: "Show a prompt's template, of the latest version if none is named", Args: args(cobra.RangeArgs(1, 2))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		path := "/prompts/" + url.PathEscape(given[0])
		var p registeredIn
		if _, err := get(cmd, path, nil, &p); err != nil {
			return err
		}
		version := ""
		if len(given) == 2 {
			version = p.resolve(given[1])
		} else if p.Latest != nil {
			version = *p.Latest
		}
		var v promptVersionIn
		raw, err := get(cmd, path+"/versions/"+url.PathEscape(version), nil, &v)
		if err != nil {
			return err
		}
		return s.print(raw, func(w io.Writer) {
			fmt.Fprintf(s.err, "%s version %s of %d, %s by %s  %s\n", line(p.Name), v.Version, p.Versions, moment(v.Created), orUnknown(v.User), line(v.Message))
			fmt.Fprintln(w, v.text())
		})
	}
	return cmd
}

// resolve turns an alias into the version it names.
func (m *registeredIn) resolve(version string) string {
	for _, a := range m.Aliases {
		if a.Alias == strings.TrimPrefix(version, "@") {
			return a.Version
		}
	}
	return version
}

func newPromptDiff(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "diff NAME [FROM [TO]]", Short: "Show what changed between two versions; by default the latest and the one before", Args: args(cobra.RangeArgs(1, 3))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		path := "/prompts/" + url.PathEscape(given[0])
		var p registeredIn
		if _, err := get(cmd, path, nil, &p); err != nil {
			return err
		}
		from, to, err := p.pair(given[1:])
		if err != nil {
			return err
		}
		var old, new promptVersionIn
		if _, err := get(cmd, path+"/versions/"+url.PathEscape(from), nil, &old); err != nil {
			return err
		}
		if _, err := get(cmd, path+"/versions/"+url.PathEscape(to), nil, &new); err != nil {
			return err
		}
		changes := diffLines(strings.Split(old.text(), "\n"), strings.Split(new.text(), "\n"))
		return s.print(map[string]any{"name": p.Name, "from": from, "to": to, "lines": changes}, func(w io.Writer) {
			fmt.Fprintf(w, "--- %s version %s\n+++ %s version %s\n", line(p.Name), from, line(p.Name), to)
			for _, c := range changes {
				fmt.Fprintln(w, c.Mark+c.Text)
			}
		})
	}
	return cmd
}

// pair names the versions to compare: the latest and the one before it unless
// given says otherwise.
func (m *registeredIn) pair(given []string) (from, to string, err error) {
	if m.Latest != nil {
		to = *m.Latest
	}
	switch len(given) {
	case 2:
		return m.resolve(given[0]), m.resolve(given[1]), nil
	case 1:
		return m.resolve(given[0]), to, nil
	}
	n, err := strconv.Atoi(to)
	if err != nil || n < 2 {
		return "", "", fault.New(fault.State, "%s has one version; there is none to compare with", m.Name)
	}
	return strconv.Itoa(n - 1), to, nil
}

// changedLine is a line of a difference: kept " ", removed "-" or added "+".
type changedLine struct {
	Mark string `json:"mark"`
	Text string `json:"text"`
}

// maxDiffCells bounds the table of diffLines; past it, everything between the
// equal beginning and end counts as changed.
const maxDiffCells = 4 << 20

// diffLines compares by the longest common subsequence of lines.
func diffLines(a, b []string) []changedLine {
	var out []changedLine
	add := func(mark string, text ...string) {
		for _, t := range text {
			out = append(out, changedLine{mark, t})
		}
	}
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	add(" ", a[:head]...)
	x, y, end := a[head:len(a)-tail], b[head:len(b)-tail], a[len(a)-tail:]
	if (len(x)+1)*(len(y)+1) > maxDiffCells {
		add("-", x...)
		add("+", y...)
		add(" ", end...)
		return out
	}
	// same[i][j] is the length of the longest common part of x[i:] and y[j:].
	same := make([][]int32, len(x)+1)
	for i := range same {
		same[i] = make([]int32, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				same[i][j] = same[i+1][j+1] + 1
			} else {
				same[i][j] = max(same[i+1][j], same[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(x) || j < len(y) {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			add(" ", x[i])
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && same[i+1][j] >= same[i][j+1]:
			add("-", x[i])
			i++
		default:
			add("+", y[j])
			j++
		}
	}
	add(" ", end...)
	return out
}
