package demo

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/assayhq/assay/internal/fault"
)

func splitWords(s string) iter.Seq[string] {
	return strings.FieldsFuncSeq(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// registerPrompts writes the three versions and the alias, as the MLflow
// client does: a prompt is a registered model with certain tags.
func (t Target) registerPrompts(ctx context.Context) error {
	err := t.mlflow(ctx, "POST", "registered-models/create", object{"name": Prompt, "tags": tags(
		"mlflow.prompt.is_prompt", "true", "task", "question-and-answering", "language", "en", "BU", "Digital-marketing")}, nil)
	if ignoreExists(err) != nil {
		return err
	}
	for i, text := range promptTexts {
		version := strconv.Itoa(i + 1)
		err := t.mlflow(ctx, "GET", "model-versions/get?name="+Prompt+"&version="+version, nil, nil)
		if fault.Is(err, fault.NotFound) {
			err = t.mlflow(ctx, "POST", "model-versions/create", object{"name": Prompt, "source": "prompt-template",
				"description": promptNotes[i], "tags": tags("mlflow.prompt.is_prompt", "true", "_mlflow_prompt_type", "text", "mlflow.prompt.text", text)}, nil)
		}
		if err != nil {
			return err
		}
	}
	return t.mlflow(ctx, "POST", "registered-models/alias", object{"name": Prompt, "alias": "Production", "version": "2"}, nil)
}

// writeRun writes one evaluation run unless it is there already, and returns
// its id.
func (t Target) writeRun(ctx context.Context, exp string, r *sampleRun) (string, error) {
	var found struct {
		Runs []struct {
			Info struct {
				RunID  string `json:"run_id"`
				Status string
			}
		}
	}
	err := t.mlflow(ctx, "POST", "runs/search", object{"experiment_ids": []string{exp}, "max_results": 5,
		"filter": "attributes.run_name = '" + r.name + "'"}, &found)
	if err != nil {
		return "", err
	}
	for _, old := range found.Runs {
		if old.Info.Status != "RUNNING" {
			return old.Info.RunID, nil // complete: the status is written last
		}
		if err := t.mlflow(ctx, "POST", "runs/delete", object{"run_id": old.Info.RunID}, nil); err != nil {
			return "", err
		}
	}
	var made struct {
		Run struct {
			Info struct {
				RunID       string `json:"run_id"`
				ArtifactURI string `json:"artifact_uri"`
			}
		}
	}
	err = t.mlflow(ctx, "POST", "runs/create", object{"experiment_id": exp, "run_name": r.name, "user_id": "sample", "start_time": millis(r.start),
		"tags": tags("project", "AssaySample", "version", fmt.Sprintf("1.%d.0", r.set.PromptVersion), "model", r.set.Model,
			"mlflow.source.name", "evaluate.py", "mlflow.source.type", "LOCAL", "mlflow.user", "sample")}, &made)
	if err != nil {
		return "", err
	}
	id := made.Run.Info.RunID
	if err := t.mlflow(ctx, "POST", "runs/log-batch", r.batch(id), nil); err != nil {
		return "", err
	}
	if err := t.mlflow(ctx, "POST", "runs/log-inputs", object{"run_id": id, "datasets": []object{{
		"tags": tags("mlflow.data.context", "prompt"),
		"dataset": object{"name": "golden questions", "digest": "5e1f0a2c", "source_type": "code", "source": `{"tags": {"mlflow.source.name": "evaluate.py"}}`,
			"schema":  `{"mlflow_colspec": [{"type": "string", "name": "inputs", "required": true}, {"type": "string", "name": "ground_truth", "required": true}]}`,
			"profile": fmt.Sprintf(`{"num_rows": %d, "num_elements": %d}`, len(golden), 2*len(golden))}}}}, nil); err != nil {
		return "", err
	}
	if !r.failed {
		if err := t.writeArtifacts(ctx, strings.TrimPrefix(made.Run.Info.ArtifactURI, "mlflow-artifacts:/"), r); err != nil {
			return "", err
		}
	}
	status := map[bool]string{true: "FAILED", false: "FINISHED"}[r.failed]
	return id, t.mlflow(ctx, "POST", "runs/update", object{"run_id": id, "status": status, "end_time": millis(r.end)}, nil)
}

func (r *sampleRun) batch(id string) object {
	var metrics []object
	for _, name := range slices.Sorted(maps.Keys(r.metrics)) {
		metrics = append(metrics, object{"key": name, "value": r.metrics[name], "timestamp": millis(r.end), "step": 0})
	}
	right := 0.0
	for i, row := range r.rows { // a curve: how the share of right answers settles
		if row.right {
			right++
		}
		at := millis(r.start.Add(time.Duration(i+1) * time.Second))
		metrics = append(metrics, object{"key": "accuracy", "value": right / float64(i+1), "timestamp": at, "step": i + 1},
			object{"key": "answer_seconds", "value": row.latency.Seconds(), "timestamp": at, "step": i + 1})
	}
	return object{"run_id": id, "metrics": metrics, "params": tags("model", r.set.Model, "provider", r.set.Provider,
		"temperature", fmt.Sprint(r.set.Temperature), "prompt", fmt.Sprintf("%s@%d", Prompt, r.set.PromptVersion),
		"max_tokens", "4096", "domain", "RegulatedFinance", "BU", "Trading and Investment Banking")}
}

// writeArtifacts stores the evaluation table, a summary and the graph.
func (t Target) writeArtifacts(ctx context.Context, root string, r *sampleRun) error {
	var data [][]any
	for _, row := range r.rows {
		data = append(data, []any{row.question, row.truth, row.answer, row.right, round(row.rouge1), round(row.rougeL), round(row.latency.Seconds()), "tr-" + row.traceID})
	}
	table, _ := json.Marshal(object{"columns": []string{"inputs", "ground_truth", "answer", "correct", "rouge1/v1/score", "rougeL/v1/score", "latency", "trace_id"}, "data": data})
	files := []struct{ name, kind, text string }{
		{"eval_results_table.json", "application/json", string(table)},
		{"report.md", "text/markdown", r.report()},
		{"graph_diagram.svg", "image/svg+xml", graphSVG},
		{"agent/MLmodel", "text/plain", "flavors:\n  langchain:\n    model_code_path: agent.py\nmodel_id: sample\n"},
		{"agent/requirements.txt", "text/plain", "langgraph\nlangchain-aws\nmlflow\n"},
	}
	for _, f := range files {
		if _, err := t.send(ctx, "PUT", "/api/2.0/mlflow-artifacts/artifacts/"+strings.TrimPrefix(root, "/")+"/"+f.name, f.kind, nil, []byte(f.text)); err != nil {
			return err
		}
	}
	return nil
}

func round(v float64) float64 {
	f, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'f', 4, 64), 64)
	return f
}

func (r *sampleRun) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%d golden questions, model `%s`, prompt version %d.\n\n| question | right | seconds |\n|---|---|---|\n", r.name, len(r.rows), r.set.Model, r.set.PromptVersion)
	for _, row := range r.rows {
		fmt.Fprintf(&b, "| %s | %v | %.2f |\n", row.question, row.right, row.latency.Seconds())
	}
	return b.String()
}

const graphSVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 120" font-family="sans-serif" font-size="13" text-anchor="middle">
<g fill="none" stroke="#525B6B"><rect x="10" y="40" width="70" height="32" rx="16"/><rect x="130" y="40" width="90" height="32" rx="6"/><rect x="130" y="86" width="90" height="28" rx="6"/><rect x="280" y="40" width="70" height="32" rx="16"/>
<path d="M80 56h46m-6-4 6 4-6 4M220 56h56m-6-4 6 4-6 4M160 72v12m30 0V72"/></g>
<g fill="#1A1F29"><text x="45" y="61">start</text><text x="175" y="61">assistant</text><text x="175" y="105">tools</text><text x="315" y="61">end</text></g></svg>`

// writeTraces sends traces over OTLP, then their scores.
func (t Target) writeTraces(ctx context.Context, exp string, runs map[string]string, batch []*sampleTrace) error {
	for _, tr := range batch {
		b, err := json.Marshal(object{"resourceSpans": []object{{
			"resource":   object{"attributes": attrs(object{"service.name": "finance-assistant", "service.version": "1.4.0", "deployment.environment.name": tr.env})},
			"scopeSpans": []object{{"scope": object{"name": "assay.sample", "version": "1"}, "spans": tr.spans()}}}}})
		if err != nil {
			return err
		}
		header := http.Header{"X-Mlflow-Experiment-Id": {exp}}
		if id := runs[tr.run]; id != "" {
			header.Set("X-Mlflow-Run-Id", id)
		}
		if _, err := t.send(ctx, "POST", "/v1/traces", "application/json", header, b); err != nil {
			return err
		}
		if err := t.mlflow(ctx, "PATCH", "3.0/traces/tr-"+tr.id+"/tags", object{"key": "env", "value": tr.env}, nil); err != nil {
			return err
		}
		if err := t.writeScores(ctx, tr); err != nil {
			return err
		}
	}
	return nil
}

// writeScores adds the assessments the trace does not have yet.
func (t Target) writeScores(ctx context.Context, tr *sampleTrace) error {
	if len(tr.scores) == 0 {
		return nil
	}
	var got struct {
		Trace struct {
			Info struct {
				Assessments []struct {
					Name string `json:"assessment_name"`
				}
			} `json:"trace_info"`
		}
	}
	if err := t.mlflow(ctx, "GET", "3.0/traces/tr-"+tr.id, nil, &got); err != nil {
		return err
	}
	for _, sc := range tr.scores {
		if slices.ContainsFunc(got.Trace.Info.Assessments, func(a struct {
			Name string `json:"assessment_name"`
		}) bool {
			return a.Name == sc["name"]
		}) {
			continue
		}
		a := object{"assessment_name": sc["name"], "trace_id": "tr-" + tr.id,
			"source": object{"source_type": sc["source_type"], "source_id": sc["source"]}, sc["kind"].(string): object{"value": sc["value"]}}
		if why, _ := sc["rationale"].(string); why != "" {
			a["rationale"] = why
		}
		if err := t.mlflow(ctx, "POST", "3.0/traces/tr-"+tr.id+"/assessments", object{"assessment": a}, nil); err != nil {
			return err
		}
	}
	return nil
}

// spans writes the conversation in OTLP's JSON form.
func (tr *sampleTrace) spans() []object {
	seed, _ := hex.DecodeString(tr.id)
	base := binary.BigEndian.Uint64(seed)
	spanID := func(i int) string { return fmt.Sprintf("%016x", base+uint64(i)+1) }
	nano := func(d time.Duration) string { return strconv.FormatInt(tr.start.Add(d).UnixNano(), 10) }
	var out []object
	for _, s := range tr.conv.steps {
		a := object{"mlflow.spanType": quoted(s.kind)}
		maps.Copy(a, s.attrs)
		if s.parent < 0 {
			a["session.id"], a["user.id"] = tr.session, tr.user
		}
		span := object{"traceId": tr.id, "spanId": spanID(s.id), "name": s.name, "kind": 1,
			"startTimeUnixNano": nano(s.start), "endTimeUnixNano": nano(s.end), "attributes": attrs(a), "status": object{"code": 1}}
		if s.parent >= 0 {
			span["parentSpanId"] = spanID(s.parent)
		}
		if s.failed != "" {
			span["status"] = object{"code": 2, "message": s.failed}
			if s.exceptionTyp != "" {
				span["events"] = []object{{"name": "exception", "timeUnixNano": nano(s.end), "attributes": attrs(object{
					"exception.type": s.exceptionTyp, "exception.message": s.failed})}}
			}
		}
		out = append(out, span)
	}
	return out
}

// attrs writes attributes in OTLP's JSON form, by key.
func attrs(m object) []object {
	var out []object
	for _, k := range slices.Sorted(maps.Keys(m)) {
		var v object
		switch x := m[k].(type) {
		case string:
			v = object{"stringValue": x}
		case int:
			v = object{"intValue": strconv.Itoa(x)}
		case float64:
			v = object{"doubleValue": x}
		case bool:
			v = object{"boolValue": x}
		case []string:
			var list []object
			for _, e := range x {
				list = append(list, object{"stringValue": e})
			}
			v = object{"arrayValue": object{"values": list}}
		}
		out = append(out, object{"key": k, "value": v})
	}
	return out
}

// registerModel registers the two best runs as versions, the later one with
// the alias that production follows.
func (t Target) registerModel(ctx context.Context, s *sample) error {
	err := t.mlflow(ctx, "POST", "registered-models/create", object{"name": Model, "description": "The finance assistant, ready to serve.",
		"tags": tags("team", "markets")}, nil)
	if ignoreExists(err) != nil {
		return err
	}
	for i, name := range []string{"haiku-v2", "nova-pro-v2"} {
		version := strconv.Itoa(i + 1)
		err := t.mlflow(ctx, "GET", "model-versions/get?name="+Model+"&version="+version, nil, nil)
		if fault.Is(err, fault.NotFound) {
			err = t.registerVersion(ctx, name)
		}
		if err != nil {
			return err
		}
	}
	return t.mlflow(ctx, "POST", "registered-models/alias", object{"name": Model, "alias": "Production", "version": "2"}, nil)
}

func (t Target) registerVersion(ctx context.Context, run string) error {
	var found struct {
		Runs []struct {
			Info struct {
				RunID       string `json:"run_id"`
				ArtifactURI string `json:"artifact_uri"`
			}
		}
	}
	exp, _, err := t.experiment(ctx)
	if err != nil {
		return err
	}
	if err := t.mlflow(ctx, "POST", "runs/search", object{"experiment_ids": []string{exp}, "max_results": 1,
		"filter": "attributes.run_name = '" + run + "' and attributes.status = 'FINISHED'"}, &found); err != nil {
		return err
	}
	if len(found.Runs) == 0 {
		return fault.NotFoundf("run %s of the sample is gone: delete the experiment %s and fill again", run, Experiment)
	}
	info := found.Runs[0].Info
	return t.mlflow(ctx, "POST", "model-versions/create", object{"name": Model, "source": info.ArtifactURI + "/agent", "run_id": info.RunID,
		"description": "Evaluated as run " + run, "tags": tags("evaluated", "golden questions")}, nil)
}
