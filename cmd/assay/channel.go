package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/fault"
)

func newChannel(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "channel", Short: "Manage where a server's alerts go: webhooks, Slack, e-mail"}
	cmd.AddCommand(newChannelList(s), newChannelAdd(s), newChannelTest(s), newChannelRemove(s))
	return cmd
}

// channelIn is a channel as the server's API has it.
type channelIn struct {
	ID     string `json:"channel_id"`
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Target string `json:"target"`
	Signed bool   `json:"signed"`
}

func channels(cmd *cobra.Command, c *client) (all []channelIn, raw json.RawMessage, err error) {
	if err := c.call(cmd.Context(), "GET", "/channels", nil, nil, &raw); err != nil {
		return nil, nil, err
	}
	var page struct {
		Channels []channelIn `json:"channels"`
	}
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, nil, fault.New(fault.Unavailable, "the server does not answer as this version expects")
	}
	return page.Channels, raw, nil
}

// channelNamed finds a channel by id or name.
func channelNamed(cmd *cobra.Command, c *client, name string) (channelIn, error) {
	all, _, err := channels(cmd, c)
	if err != nil {
		return channelIn{}, err
	}
	for _, ch := range all {
		if ch.ID == name || ch.Name == name {
			return ch, nil
		}
	}
	return channelIn{}, fault.NotFoundf("no channel %q; `assay channel list` lists them", name)
}

func newChannelList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List channels", Args: args(cobra.NoArgs)}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		all, raw, err := channels(cmd, c)
		if err != nil {
			return err
		}
		return s.print(raw, func(w io.Writer) {
			if len(all) == 0 {
				fmt.Fprintln(w, "No channels.")
				return
			}
			table(w, "NAME\tKIND\tTARGET\tSIGNED", func(row func(cells ...any)) {
				for _, ch := range all {
					row(ch.Name, ch.Kind, ch.Target, ch.Signed)
				}
			})
		})
	}
	return cmd
}

func newChannelAdd(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "add NAME", Short: "Add a channel", Args: args(cobra.ExactArgs(1)),
		Example: `  assay channel add ops --webhook https://example.com/hook --secret-stdin < secret.txt
  assay channel add team --slack https://hooks.slack.com/services/…
  assay channel add mail --email ops@example.com`}
	cmd.Flags().String("webhook", "", "URL that gets JSON")
	cmd.Flags().String("slack", "", "URL of a Slack incoming webhook")
	cmd.Flags().StringSlice("email", nil, "addresses; may be repeated")
	cmd.Flags().Bool("secret-stdin", false, "read the secret that signs a webhook's messages from standard input")
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		f := cmd.Flags()
		body, kinds := map[string]any{"name": given[0]}, 0
		for _, kind := range []string{"webhook", "slack"} {
			if u, _ := f.GetString(kind); u != "" {
				body["kind"], body["url"] = kind, u
				kinds++
			}
		}
		if to, _ := f.GetStringSlice("email"); len(to) > 0 {
			body["kind"], body["to"] = "email", to
			kinds++
		}
		if kinds != 1 {
			return usageError{fault.Invalidf("say one of --webhook, --slack and --email")}
		}
		if read, _ := f.GetBool("secret-stdin"); read {
			line, err := bufio.NewReader(io.LimitReader(s.in, 4096)).ReadString('\n')
			if err != nil && err != io.EOF {
				return fault.Wrap(fault.Invalid, "", err, "the secret cannot be read from standard input")
			}
			body["secret"] = strings.TrimRight(line, "\r\n")
		}
		var raw json.RawMessage
		if err := c.call(cmd.Context(), "POST", "/channels", nil, body, &raw); err != nil {
			return err
		}
		return s.print(raw, func(w io.Writer) { fmt.Fprintln(w, given[0]+" is added") })
	}
	return cmd
}

func newChannelTest(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "test CHANNEL", Short: "Send an example to a channel and show what the receiver answers", Args: args(cobra.ExactArgs(1))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		ch, err := channelNamed(cmd, c, given[0])
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := c.call(cmd.Context(), "POST", "/channels/"+url.PathEscape(ch.ID)+"/test", nil, nil, &raw); err != nil {
			return err
		}
		var r struct {
			OK     bool    `json:"ok"`
			Status *int    `json:"status"`
			Answer *string `json:"answer"`
			Error  *string `json:"error"`
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			return fault.New(fault.Unavailable, "the server does not answer as this version expects")
		}
		if r.Error != nil {
			return fault.New(fault.Unavailable, "%s", *r.Error)
		}
		if !r.OK && r.Status != nil {
			return fault.New(fault.State, "the receiver refused it with %d", *r.Status)
		}
		return s.print(raw, func(w io.Writer) {
			if r.Status != nil {
				fmt.Fprintf(w, "delivered: the receiver answered %d\n", *r.Status)
			}
			if r.Answer != nil {
				fmt.Fprintln(w, *r.Answer)
			}
		})
	}
	return cmd
}

func newChannelRemove(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "remove CHANNEL", Short: "Remove a channel and what waits for it", Args: args(cobra.ExactArgs(1))}
	clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		ch, err := channelNamed(cmd, c, given[0])
		if err != nil {
			return err
		}
		if err := c.call(cmd.Context(), "DELETE", "/channels/"+url.PathEscape(ch.ID), nil, nil, nil); err != nil {
			return err
		}
		return s.print(map[string]string{"removed": ch.ID}, func(w io.Writer) { fmt.Fprintln(w, ch.Name+" is removed") })
	}
	return cmd
}
