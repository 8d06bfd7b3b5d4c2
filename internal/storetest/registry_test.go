package storetest

import "testing"

func TestRegistry(t *testing.T) { OnEach(t, Registry) }

func TestEvaluation(t *testing.T) { OnEach(t, Evaluation) }

func TestImportLedger(t *testing.T) { OnEach(t, ImportLedger) }

func TestImportedThings(t *testing.T) { OnEach(t, ImportedThings) }

func TestWebhooks(t *testing.T) { OnEach(t, Webhooks) }

func TestViews(t *testing.T) { OnEach(t, Views) }

func TestDatasets(t *testing.T) { OnEach(t, Datasets) }
