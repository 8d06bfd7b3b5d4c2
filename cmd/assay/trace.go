package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

func newTrace(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "trace", Short: "List, search, show and delete traces of a server"}
	cmd.AddCommand(newTraceList(s), newTraceSearch(s), newTraceShow(s), newTraceDelete(s))
	return cmd
}

// traceIn is a trace as the server's API has it.
type traceIn struct {
	ID         string   `json:"trace_id"`
	Name       string   `json:"name"`
	Experiment string   `json:"experiment_name"`
	Session    *string  `json:"session"`
	User       *string  `json:"user"`
	Status     string   `json:"status"`
	Start      *int64   `json:"start_ms"`
	Duration   *float64 `json:"duration_ms"`
	Input      string   `json:"input_preview"`
	Output     string   `json:"output_preview"`
	Tokens     struct {
		Total *int64 `json:"total"`
	} `json:"tokens"`
	Cost        *float64          `json:"cost"`
	Spans       int               `json:"spans"`
	Errors      int               `json:"errors"`
	Models      []string          `json:"models"`
	Tags        map[string]string `json:"tags"`
	Assessments []struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	} `json:"assessments"`
}

// traceFlags declares what selects traces.
func traceFlags(cmd *cobra.Command) {
	cmd.Flags().StringSlice("experiment", nil, "experiment id; may be repeated")
	cmd.Flags().String("session", "", "session id")
	cmd.Flags().String("run", "", "run id")
	cmd.Flags().String("order", "-start_ms", "start_ms, duration_ms, tokens, cost, name or status; - before it for descending")
	sinceFlag(cmd)
	listFlags(cmd)
}

func newTraceList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List traces, newest first", Args: args(cobra.NoArgs),
		Example: `  assay trace list --filter "status = 'ERROR' AND tag.env = 'prod'" --since 24h`}
	cmd.Flags().String("filter", "", "conditions, as in the filter bar")
	cmd.Flags().String("search", "", "words or \"phrases\" in names, inputs and outputs")
	traceFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, _ := cmd.Flags().GetString("filter")
		words, _ := cmd.Flags().GetString("search")
		return s.traces(cmd, filter, words)
	}
	return cmd
}

func newTraceSearch(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "search WORDS", Short: "Find traces by words or \"phrases\" in names, inputs and outputs", Args: args(cobra.MinimumNArgs(1))}
	cmd.Flags().String("filter", "", "conditions, as in the filter bar")
	traceFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		filter, _ := cmd.Flags().GetString("filter")
		return s.traces(cmd, filter, strings.Join(given, " "))
	}
	return cmd
}

// traces prints the traces that the options of cmd select.
func (s *streams) traces(cmd *cobra.Command, filter, words string) error {
	page, err := pageQuery(cmd)
	if err != nil {
		return err
	}
	from, err := since(cmd)
	if err != nil {
		return err
	}
	c, err := newClient(cmd)
	if err != nil {
		return err
	}
	limit, _ := cmd.Flags().GetInt("limit")
	order, _ := cmd.Flags().GetString("order")
	in := map[string]any{"limit": limit, "order_by": []string{order}}
	for name, value := range map[string]string{"filter": filter, "q": words, "page_token": page.Get("page_token")} {
		if value != "" {
			in[name] = value
		}
	}
	for flag, name := range map[string]string{"session": "session", "run": "run_id"} {
		if v, _ := cmd.Flags().GetString(flag); v != "" {
			in[name] = v
		}
	}
	if from != 0 {
		in["from_ms"] = from
	}
	if exps, _ := cmd.Flags().GetStringSlice("experiment"); len(exps) > 0 {
		in["experiment_ids"] = exps
	}
	var found struct {
		Traces []traceIn `json:"traces"`
		Next   *string   `json:"next_page_token"`
	}
	raw, err := c.fetch(cmd, "POST", "/traces/search", nil, in, &found)
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, t := range found.Traces {
		rows = append(rows, []string{t.ID, statusWord(t.Status), moment(t.Start), tookMS(t.Duration), line(t.Name)})
	}
	return s.print(raw, func(w io.Writer) {
		s.rows(w, "No traces.", found.Next, []string{"TRACE", "STATUS", "STARTED", "TOOK", "NAME"}, rows)
	})
}

// statusWord is a status as the pages say it.
func statusWord(status string) string {
	words := map[string]string{"ERROR": "Error", "IN_PROGRESS": "Running", "UNSET": "Unset", "RUNNING": "Running",
		"SCHEDULED": "Scheduled", "FINISHED": "Finished", "FAILED": "Failed", "KILLED": "Killed"}
	if w := words[status]; w != "" {
		return w
	}
	return status
}

func newTraceShow(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "show TRACE", Short: "Show a trace with its spans, or one span with its inputs and outputs", Args: args(cobra.ExactArgs(1))}
	cmd.Flags().String("span", "", "show this span")
	cmd.Flags().Int("spans", 200, "print at most this many spans; 0 is all")
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		path := "/traces/" + url.PathEscape(given[0])
		if span, _ := cmd.Flags().GetString("span"); span != "" {
			return s.showSpan(cmd, path+"/spans/"+url.PathEscape(span))
		}
		var t traceIn
		raw, err := get(cmd, path, nil, &t)
		if err != nil {
			return err
		}
		if s.json {
			return s.print(raw, nil)
		}
		var tree skeletonIn
		if _, err := get(cmd, path+"/skeleton", nil, &tree); err != nil {
			return err
		}
		most, _ := cmd.Flags().GetInt("spans")
		t.write(s.out)
		tree.write(s.out, most)
		return nil
	}
	return cmd
}

func (t *traceIn) write(w io.Writer) {
	fmt.Fprintf(w, "%s  %s  %s\n", t.ID, statusWord(t.Status), line(t.Name))
	fmt.Fprintf(w, "  started %s, took %s, %d spans, %d failed, %s tokens, %s\n",
		moment(t.Start), tookMS(t.Duration), t.Spans, t.Errors, number(t.Tokens.Total), money(t.Cost))
	about := []string{"experiment " + line(t.Experiment)}
	if t.Session != nil {
		about = append(about, "session "+line(*t.Session))
	}
	if t.User != nil {
		about = append(about, "user "+line(*t.User))
	}
	if len(t.Models) > 0 {
		about = append(about, "models "+line(strings.Join(t.Models, ", ")))
	}
	fmt.Fprintf(w, "  %s\n", strings.Join(about, ", "))
	for _, a := range t.Assessments {
		fmt.Fprintf(w, "  %s = %s\n", line(a.Name), line(string(a.Value)))
	}
	for _, part := range []struct{ name, text string }{{"input", t.Input}, {"output", t.Output}} {
		if part.text != "" {
			fmt.Fprintf(w, "  %-6s %s\n", part.name, cut(line(part.text), 300))
		}
	}
}

// skeletonIn is the spans of a trace as the server's API has them: columns.
type skeletonIn struct {
	N       int      `json:"n"`
	IDs     []string `json:"span_ids"`
	Parents []int    `json:"parents"`
	Names   []int    `json:"names"`
	Status  []int    `json:"status"`
	Starts  []int64  `json:"starts"`
	Ends    []int64  `json:"ends"`
	Table   []string `json:"name_table"`
}

func (k *skeletonIn) write(w io.Writer, most int) {
	children := map[int][]int{}
	for row, parent := range k.Parents {
		children[parent] = append(children[parent], row)
	}
	printed := 0
	var walk func(row, depth int) bool
	walk = func(row, depth int) bool {
		if most > 0 && printed == most {
			return false
		}
		printed++
		var took *float64
		if k.Ends[row] >= 0 {
			ms := float64(k.Ends[row]-k.Starts[row]) / 1000
			took = &ms
		}
		mark := ""
		if k.Status[row] == 2 {
			mark = "  Error"
		}
		fmt.Fprintf(w, "%s  %s%s  %s%s\n", k.IDs[row], strings.Repeat("  ", min(depth, 20)), line(k.Table[k.Names[row]]), tookMS(took), mark)
		for _, child := range children[row] {
			if !walk(child, depth+1) {
				return false
			}
		}
		return true
	}
	for _, root := range children[-1] {
		if !walk(root, 0) {
			fmt.Fprintf(w, "… and %d more spans; --spans 0 prints all\n", k.N-printed)
			return
		}
	}
}

func (s *streams) showSpan(cmd *cobra.Command, path string) error {
	var span struct {
		ID       string          `json:"span_id"`
		Name     string          `json:"name"`
		Status   string          `json:"status"`
		Message  string          `json:"status_message"`
		Duration *float64        `json:"duration_ms"`
		Model    *string         `json:"model"`
		Inputs   json.RawMessage `json:"inputs"`
		Outputs  json.RawMessage `json:"outputs"`
	}
	raw, err := get(cmd, path, nil, &span)
	if err != nil {
		return err
	}
	return s.print(raw, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s  %s  %s\n", span.ID, statusWord(span.Status), line(span.Name), tookMS(span.Duration))
		if span.Message != "" {
			fmt.Fprintln(w, "  "+line(span.Message))
		}
		if span.Model != nil {
			fmt.Fprintln(w, "  model "+line(*span.Model))
		}
		for _, part := range []struct {
			name string
			json json.RawMessage
		}{{"inputs", span.Inputs}, {"outputs", span.Outputs}} {
			if len(part.json) > 0 && string(part.json) != "null" {
				fmt.Fprintf(w, "\n%s\n%s\n", part.name, indented(part.json))
			}
		}
	})
}

// indented is JSON as a person reads it; a JSON string is its text.
func indented(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return lines(text)
	}
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return lines(string(raw))
	}
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return lines(string(raw))
	}
	return lines(string(out))
}

func newTraceDelete(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "delete TRACE…", Short: "Delete traces by id, for good", Args: args(cobra.RangeArgs(1, 1000))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		var done struct {
			Deleted int `json:"deleted"`
		}
		raw, err := c.fetch(cmd, "POST", "/traces/delete", nil, map[string]any{"trace_ids": given}, &done)
		if err != nil {
			return err
		}
		return s.print(raw, func(w io.Writer) { fmt.Fprintf(w, "%d deleted\n", done.Deleted) })
	}
	return cmd
}
