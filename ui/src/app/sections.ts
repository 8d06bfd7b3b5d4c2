// The information architecture: every section of the product, and which of
// them have a page today.
import type { IconName } from "../kit/icons";

export interface Section { label: string; icon: IconName; path: string | null; also?: string[]; }
export interface Group { label: string; sections: Section[]; }

const later = (label: string, icon: IconName): Section => ({ label, icon, path: null });

export const groups: Group[] = [
  { label: "Observe", sections: [
    { label: "Traces", icon: "traces", path: "traces" }, { label: "Sessions", icon: "sessions", path: "sessions" },
    { label: "Experiments", icon: "experiments", path: "experiments", also: ["runs"] },
  ] },
  { label: "Evaluate", sections: [later("Datasets", "datasets"), later("Evaluations", "evaluations"), later("Scorers", "scorers"), later("Judges", "judges"), later("Compare models", "compare"), later("Playground", "play")] },
  { label: "Review", sections: [later("Inbox", "inbox"), later("Queues", "queues")] },
  { label: "Improve", sections: [{ label: "Prompts", icon: "prompts", path: "prompts" }, later("Training", "training"), later("Compression", "compression")] },
  { label: "Serve", sections: [{ label: "Models", icon: "models", path: "models" }, later("Endpoints", "endpoints"), later("Invocations", "invocations"), later("Providers", "providers")] },
  { label: "Govern", sections: [
    later("Approvals", "approvals"), later("Lineage", "lineage"), later("Budgets", "budgets"),
    { label: "People", icon: "people", path: "people" }, { label: "Audit", icon: "audit", path: "audit" }, { label: "Settings", icon: "settings", path: "settings" },
  ] },
];

export const places = groups.flatMap((g) => g.sections.filter((s) => s.path !== null).map((s) => ({ ...s, path: s.path!, group: g.label })));
