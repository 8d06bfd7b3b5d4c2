// The information architecture: the sections that have a page, one a line, in
// the order of the rail. A section without a page is not listed, so no entry
// leads nowhere.
import type { Schemas } from "../api/client";
import type { IconName } from "../kit/icons";
import { may, type Session } from "../session/session";
import type { ShortcutId } from "./shortcuts";

export interface Section {
  label: string;
  icon: IconName;
  path: string; // below the workspace; "" is Home
  also?: string[]; // further paths that belong to it
  key?: ShortcutId;
  role?: Schemas["Role"]; // the least that can use it; the others do not see it
}
export interface Group { label: string; sections: Section[]; }

export const home: Section = { label: "Home", icon: "home", path: "", key: "goHome" };

export const groups: Group[] = [
  { label: "Observe", sections: [
    { label: "Traces", icon: "traces", path: "traces", key: "goTraces" },
    { label: "Sessions", icon: "sessions", path: "sessions", key: "goSessions" },
    { label: "Monitoring", icon: "evaluations", path: "monitor", key: "goMonitor" },
    { label: "Experiments", icon: "experiments", path: "experiments", also: ["runs"], key: "goExperiments" },
    { label: "Alerts", icon: "bell", path: "alerts", key: "goAlerts" },
  ] },
  { label: "Evaluate", sections: [
    { label: "Datasets", icon: "datasets", path: "datasets", key: "goDatasets" },
  ] },
  { label: "Review", sections: [] },
  { label: "Improve", sections: [
    { label: "Prompts", icon: "prompts", path: "prompts", key: "goPrompts" },
  ] },
  { label: "Serve", sections: [
    { label: "Models", icon: "models", path: "models", key: "goModels" },
  ] },
  { label: "Govern", sections: [
    { label: "Lineage", icon: "lineage", path: "lineage" },
    { label: "People", icon: "people", path: "people", key: "goPeople" },
    { label: "Audit", icon: "audit", path: "audit", key: "goAudit", role: "approver" },
    { label: "Imports", icon: "download", path: "imports", role: "admin" },
    { label: "Settings", icon: "settings", path: "settings", role: "admin" },
  ] },
];

/** The groups that a person can use something of. */
export function groupsFor(s: Session, ws: string): Group[] {
  return groups
    .map((g) => ({ ...g, sections: g.sections.filter((x) => !x.role || may(s, ws, x.role)) }))
    .filter((g) => g.sections.length > 0);
}

/** Where one can go: Home, the sections, and pages without an entry of their own. */
export function placesFor(s: Session, ws: string): Section[] {
  return [home, ...groupsFor(s, ws).flatMap((g) => g.sections), { label: "Runs", icon: "play", path: "runs", key: "goRuns" }, { label: "Jobs", icon: "queues", path: "jobs" }];
}
