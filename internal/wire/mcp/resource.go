package mcp

import (
	"context"

	"github.com/assayhq/assay/internal/fault"
)

func (s *Server) allTools() []tool { return s.traceTools() }

func (s *Server) listResources(context.Context, *call) (map[string]any, error) {
	return map[string]any{"resources": []any{}}, nil
}

func (s *Server) listTemplates(context.Context, *call) (map[string]any, error) {
	return map[string]any{"resourceTemplates": []any{}}, nil
}

func (s *Server) readResource(context.Context, *call) (map[string]any, error) {
	return nil, fault.NotFoundf("no resource")
}

func (s *Server) listPrompts(context.Context, *call) (map[string]any, error) {
	return map[string]any{"prompts": []any{}}, nil
}

func (s *Server) getPrompt(context.Context, *call) (map[string]any, error) {
	return nil, fault.NotFoundf("no prompt")
}
