package normalise

import "strings"

// mlflowRules is what MLflow's own SDK writes. Every value is a JSON text in
// a string attribute, also where the value is a plain string.
func mlflowRules() []rule {
	return []rule{
		{key: "mlflow.spanType", field: fType, types: mlflowType},
		{key: "mlflow.llm.model", field: fModel},
		{key: "mlflow.llm.provider", field: fProvider},
		{key: "mlflow.trace.session", field: fSession},
		{key: "mlflow.trace.user", field: fUser},
		{key: "mlflow.chat.tokenUsage", field: fUsage},
		{key: "mlflow.llm.cost", field: fCost},
		{key: "mlflow.spanInputs", field: fInput},
		{key: "mlflow.spanOutputs", field: fOutput},

		{key: "mlflow.traceRequestId", field: fNone},
		{key: "mlflow.spanFunctionName", field: fNone},
		{key: "mlflow.experimentId", field: fNone},
		{key: "mlflow.message.format", field: fNone},
		{key: "mlflow.chat.tools", field: fNone},
		{key: "mlflow.chat.messages", field: fNone},
	}
}

// mlflowType passes custom types through: MLflow lets users make their own.
func mlflowType(kind string) string {
	if kind == "UNKNOWN" {
		return ""
	}
	return strings.TrimSpace(kind)
}
