package main

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/mask"
)

func newMask(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mask",
		Short: "List, add, remove and try what is masked before it reaches the disk",
		Long: `What of arriving traces is masked before it reaches the disk. Changes apply to
what arrives from then on; what is stored stays as it is.`,
	}
	cmd.AddCommand(newMaskList(s), newMaskAdd(s), newMaskRemove(s), newMaskTry(s))
	return cmd
}

type maskingIn struct {
	Policy      mask.Policy `json:"policy"`
	Own         bool        `json:"own"`
	Experiments []struct {
		Experiment string      `json:"experiment_id"`
		Policy     mask.Policy `json:"policy"`
	} `json:"experiments"`
	BuiltIn []struct {
		Name        string `json:"name"`
		Replacement string `json:"replacement"`
		About       string `json:"about"`
	} `json:"built_in"`
	Counts []maskCountIn `json:"counts"`
	Since  int64         `json:"since_ms"`
}

type maskCountIn struct {
	Rule  string `json:"rule"`
	Count int64  `json:"count"`
}

// of is the policy of an experiment, or of the workspace with "".
func (m *maskingIn) of(experiment string) mask.Policy {
	for _, e := range m.Experiments {
		if e.Experiment == experiment {
			return e.Policy
		}
	}
	return m.Policy
}

func (m *maskingIn) write(w io.Writer) {
	counts := map[string]int64{}
	for _, c := range m.Counts {
		counts[c.Rule] = c.Count
	}
	table(w, "RULE\tON\tFINDS\tMASKED", func(row func(cells ...any)) {
		for _, b := range m.BuiltIn {
			on := "no"
			if slices.ContainsFunc(m.Policy.BuiltIn, func(u mask.Use) bool { return u.Name == b.Name }) {
				on = "yes"
			}
			row(b.Name, on, b.About, counts[b.Name])
		}
		for _, r := range m.Policy.Rules {
			row(r.Name, "yes", r.Pattern, counts[r.Name])
		}
	})
	if m.Policy.PseudonymousUsers {
		fmt.Fprintln(w, "Every user id is a pseudonym.")
	}
	if len(m.Policy.Allow) > 0 {
		fmt.Fprintln(w, "Never masked: "+strings.Join(m.Policy.Allow, ", "))
	}
	for _, e := range m.Experiments {
		var names []string
		for _, u := range e.Policy.BuiltIn {
			names = append(names, u.Name)
		}
		for _, r := range e.Policy.Rules {
			names = append(names, r.Name)
		}
		fmt.Fprintf(w, "Experiment %s instead: %s\n", e.Experiment, strings.Join(names, ", "))
	}
	fmt.Fprintf(w, "Counted since %s.\n", when(m.Since))
}

func newMaskList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the rules and how often each found something", Args: args(cobra.NoArgs)}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		var m maskingIn
		if err := c.call(cmd.Context(), "GET", "/masking", nil, nil, &m); err != nil {
			return err
		}
		return s.print(m, m.write)
	}
	return cmd
}

// changeMask reads the policy, lets fn change it and stores it.
func changeMask(s *streams, cmd *cobra.Command, fn func(p *mask.Policy) error) error {
	c, err := newClient(cmd)
	if err != nil {
		return err
	}
	experiment, _ := cmd.Flags().GetString("experiment")
	var m maskingIn
	if err := c.call(cmd.Context(), "GET", "/masking", nil, nil, &m); err != nil {
		return err
	}
	p := m.of(experiment)
	if err := fn(&p); err != nil {
		return err
	}
	if err := c.call(cmd.Context(), "PUT", "/masking", nil, map[string]any{"experiment_id": experiment, "policy": p}, &m); err != nil {
		return err
	}
	return s.print(m, m.write)
}

func isBuiltIn(name string) bool {
	return slices.ContainsFunc(mask.BuiltIns, func(b mask.BuiltIn) bool { return b.Name == name })
}

func newMaskAdd(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add NAME [PATTERN]",
		Short: "Turn a built-in rule on (email, phone, card, secret, iban, ip, users), or add one of your own",
		Args:  args(cobra.RangeArgs(1, 2)),
	}
	clientFlags(cmd)
	cmd.Flags().String("experiment", "", "id of an experiment that gets rules of its own")
	cmd.Flags().String("replacement", "", "text put in place; the name in brackets by default")
	cmd.Flags().String("scope", "", "content or attributes; everywhere by default")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		name := given[0]
		scope, _ := cmd.Flags().GetString("scope")
		return changeMask(s, cmd, func(p *mask.Policy) error {
			switch {
			case name == "users" && len(given) == 1:
				p.PseudonymousUsers = true
			case isBuiltIn(name) && len(given) == 1:
				p.BuiltIn = slices.DeleteFunc(p.BuiltIn, func(u mask.Use) bool { return u.Name == name })
				p.BuiltIn = append(p.BuiltIn, mask.Use{Name: name, Scope: mask.Scope(scope)})
			case len(given) == 1:
				return usageError{fault.Invalidf("%q is no built-in rule; give a pattern as well", name)}
			default:
				replacement, _ := cmd.Flags().GetString("replacement")
				p.Rules = slices.DeleteFunc(p.Rules, func(r mask.Rule) bool { return r.Name == name })
				p.Rules = append(p.Rules, mask.Rule{Name: name, Pattern: given[1], Replacement: replacement, Scope: mask.Scope(scope)})
			}
			return nil
		})
	}
	return cmd
}

func newMaskRemove(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "remove NAME", Short: "Turn a rule off", Args: args(cobra.ExactArgs(1))}
	clientFlags(cmd)
	cmd.Flags().String("experiment", "", "id of an experiment with rules of its own")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return changeMask(s, cmd, func(p *mask.Policy) error {
			before := len(p.BuiltIn) + len(p.Rules)
			p.BuiltIn = slices.DeleteFunc(p.BuiltIn, func(u mask.Use) bool { return u.Name == given[0] })
			p.Rules = slices.DeleteFunc(p.Rules, func(r mask.Rule) bool { return r.Name == given[0] })
			if given[0] == "users" && p.PseudonymousUsers {
				p.PseudonymousUsers = false
			} else if len(p.BuiltIn)+len(p.Rules) == before {
				return fault.NotFoundf("no rule %q is on", given[0])
			}
			return nil
		})
	}
	return cmd
}

func newMaskTry(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "try [TEXT]",
		Short: "Show what a text, or standard input, becomes",
		Args:  args(cobra.MaximumNArgs(1)),
	}
	clientFlags(cmd)
	cmd.Flags().String("experiment", "", "under the rules of this experiment")
	cmd.Flags().String("field", "", "where it arrives: content, attributes or user")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		text := strings.Join(given, "")
		if len(given) == 0 {
			b, err := io.ReadAll(io.LimitReader(s.in, 1<<20))
			if err != nil {
				return err
			}
			text = string(b)
		}
		experiment, _ := cmd.Flags().GetString("experiment")
		field, _ := cmd.Flags().GetString("field")
		var out struct {
			Text   string        `json:"text"`
			Counts []maskCountIn `json:"counts"`
		}
		err = c.call(cmd.Context(), "POST", "/masking/try", url.Values{}, map[string]any{"text": text, "experiment_id": experiment, "field": field}, &out)
		if err != nil {
			return err
		}
		return s.print(out, func(w io.Writer) { fmt.Fprintln(w, strings.TrimSuffix(out.Text, "\n")) })
	}
	return cmd
}
