package main

import "context"

func ask(ctx context.Context, cfg *config) error    { return nil }
func remove(ctx context.Context, cfg *config) error { return nil }
func disk(ctx context.Context, cfg *config) error   { return nil }
func loop(ctx context.Context, cfg *config) error   { return nil }
