package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func newModel(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "model", Short: "List and show registered models of a server"}
	cmd.AddCommand(newRegisteredList(s, "model", "models"), newModelShow(s))
	return cmd
}

// aliasIn is an alias of a model or prompt as the server's API has it.
type aliasIn struct {
	Alias   string `json:"alias"`
	Version string `json:"version"`
}

// registeredIn is a registered model or prompt as the server's API has it.
type registeredIn struct {
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Aliases     []aliasIn `json:"aliases"`
	Versions    int       `json:"versions"`
	Latest      *string   `json:"latest_version"`
	Updated     *int64    `json:"updated_ms"`
}

func (m *registeredIn) aliases() string {
	list := []string{}
	for _, a := range m.Aliases {
		list = append(list, "@"+line(a.Alias)+"="+a.Version)
	}
	return strings.Join(list, " ")
}

// newRegisteredList lists models or prompts: noun is one, path many of them.
func newRegisteredList(s *streams, noun, path string) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List " + path + ", the one last changed first", Args: args(cobra.NoArgs)}
	cmd.Flags().String("name", "", "part of the name")
	listFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := pageQuery(cmd)
		if err != nil {
			return err
		}
		if name, _ := cmd.Flags().GetString("name"); name != "" {
			q.Set("q", name)
		}
		var found map[string]json.RawMessage
		raw, err := get(cmd, "/"+path, q, &found)
		if err != nil {
			return err
		}
		var list []registeredIn
		var next *string
		if err := json.Unmarshal(found[path], &list); err != nil {
			return err
		}
		if err := json.Unmarshal(found["next_page_token"], &next); err != nil {
			return err
		}
		rows := [][]string{}
		for i := range list {
			m := &list[i]
			rows = append(rows, []string{line(m.Name), strconv.Itoa(m.Versions), moment(m.Updated), m.aliases()})
		}
		return s.print(raw, func(w io.Writer) {
			s.rows(w, "No "+path+".", next, []string{strings.ToUpper(noun), "VERSIONS", "UPDATED", "ALIASES"}, rows)
		})
	}
	return cmd
}

func newModelShow(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "show NAME [VERSION]", Short: "Show a model with its versions, or one version", Args: args(cobra.RangeArgs(1, 2))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		path := "/models/" + url.PathEscape(given[0])
		if len(given) == 2 {
			return s.showModelVersion(cmd, path+"/versions/"+url.PathEscape(given[1]))
		}
		var m registeredIn
		raw, err := get(cmd, path, nil, &m)
		if err != nil {
			return err
		}
		if s.json {
			return s.print(raw, nil)
		}
		var found struct {
			Versions []modelVersionIn `json:"versions"`
		}
		if _, err := get(cmd, path+"/versions", url.Values{"limit": {"100"}}, &found); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s  %d versions  %s\n", line(m.Name), m.Versions, m.aliases())
		if m.Description != "" {
			fmt.Fprintln(s.out, "  "+line(m.Description))
		}
		rows := [][]string{}
		for _, v := range found.Versions {
			rows = append(rows, []string{v.Version, v.Stage, moment(v.Created), orUnknown(v.User), line(strings.Join(v.Aliases, " "))})
		}
		s.rows(s.out, "No versions.", nil, []string{"VERSION", "STAGE", "CREATED", "BY", "ALIASES"}, rows)
		return nil
	}
	return cmd
}

// modelVersionIn is a model version as the server's API has it.
type modelVersionIn struct {
	Version     string            `json:"version"`
	Description string            `json:"description"`
	Status      string            `json:"status"`
	Stage       string            `json:"stage"`
	Aliases     []string          `json:"aliases"`
	Source      string            `json:"source"`
	Run         *string           `json:"run_id"`
	User        string            `json:"user"`
	Created     *int64            `json:"created_ms"`
	Params      map[string]string `json:"params"`
}

func (s *streams) showModelVersion(cmd *cobra.Command, path string) error {
	var v modelVersionIn
	raw, err := get(cmd, path, nil, &v)
	if err != nil {
		return err
	}
	return s.print(raw, func(w io.Writer) {
		fmt.Fprintf(w, "version %s  %s  stage %s  %s\n", v.Version, v.Status, v.Stage, line(strings.Join(v.Aliases, " ")))
		fmt.Fprintf(w, "  created %s by %s\n  source %s\n", moment(v.Created), orUnknown(v.User), line(v.Source))
		if v.Run != nil {
			fmt.Fprintln(w, "  run "+*v.Run)
		}
		if v.Description != "" {
			fmt.Fprintln(w, "  "+line(v.Description))
		}
	})
}
