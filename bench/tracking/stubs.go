package main

import "context"

const requestSpans = 200

func measureStart(context.Context, *bench) error     { return nil }
func measureOTLP(context.Context, *bench) error      { return nil }
func measureWideTrace(context.Context, *bench) error { return nil }
func measureArtifact(context.Context, *bench) error  { return nil }
