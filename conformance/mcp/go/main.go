// Command client reads an Assay server with the official Go SDK of the Model
// Context Protocol: over HTTP, and over `assay mcp` if a binary is named.
//
//	client URL [BINARY]
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url := strings.TrimSuffix(os.Args[1], "/")
	ways := map[string]func() mcp.Transport{"http": func() mcp.Transport { return &mcp.StreamableClientTransport{Endpoint: url + "/mcp"} }}
	if len(os.Args) > 2 && os.Args[2] != "" {
		ways["stdio"] = func() mcp.Transport {
			return &mcp.CommandTransport{Command: exec.Command(os.Args[2], "mcp", "--server", url)}
		}
	}
	for name, transport := range ways {
		if err := read(ctx, name, transport()); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(1)
		}
	}
}

// read lists what there is, calls a tool that answers and one that refuses.
func read(ctx context.Context, name string, transport mcp.Transport) error {
	client := mcp.NewClient(&mcp.Implementation{Name: "conformance", Version: "1"}, nil)
	session, err := client.Connect(ctx, transport, nil)
	if err != nil {
		return err
	}
	defer session.Close()
	tools := 0
	for tool, err := range session.Tools(ctx, nil) {
		if err != nil {
			return err
		}
		if tool.Annotations == nil || !tool.Annotations.ReadOnlyHint {
			return fmt.Errorf("tool %s is not marked as read-only", tool.Name)
		}
		tools++
	}
	if tools < 17 {
		return fmt.Errorf("%d tools", tools)
	}
	found, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "search_traces", Arguments: map[string]any{"limit": 2}})
	if err != nil {
		return err
	}
	text, ok := found.Content[0].(*mcp.TextContent)
	if !ok || found.IsError || !strings.Contains(text.Text, `"traces":[`) {
		return fmt.Errorf("search_traces: %+v", found)
	}
	wrong, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "get_trace", Arguments: map[string]any{"trace_id": "x"}})
	if err != nil || !wrong.IsError {
		return fmt.Errorf("a wrong call: %+v %v", wrong, err)
	}
	help, err := session.ReadResource(ctx, &mcp.ReadResourceParams{URI: "assay://help/filters"})
	if err != nil || !strings.Contains(help.Contents[0].Text, "# Filters") {
		return fmt.Errorf("the help: %v", err)
	}
	fmt.Printf("read %d tools over %s\n", tools, name)
	return nil
}
