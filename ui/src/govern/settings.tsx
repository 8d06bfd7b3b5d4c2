// Settings: what the server runs with, and the care of the data. The tab is in
// the address.
import { useCrumbs } from "../app/crumbs";
import { useUrl } from "../app/url";
import { Tabs } from "../kit/states";
import { Deletion } from "./deletion";
import { ExportTraces } from "./exporttraces";
import { General } from "./general";
import { Masking } from "./masking";
import { Retention } from "./retention";

const tabs = [
  { id: "general", label: "General" }, { id: "retention", label: "Retention" }, { id: "masking", label: "Masking" },
  { id: "deletion", label: "Deletion" }, { id: "export", label: "Export" },
];

const panels: Record<string, () => React.ReactNode> = {
  general: () => <General />, retention: () => <Retention />, masking: () => <Masking />, deletion: () => <Deletion />, export: () => <ExportTraces />,
};

export default function SettingsPage() {
  useCrumbs({ label: "Settings" });
  const { search, set } = useUrl();
  const tab = search.tab && panels[search.tab] ? search.tab : "general";
  return (
    <div className="page scroll" tabIndex={0}>
      <div className="page-head"><h1>Settings</h1></div>
      <div className="page-body stack" style={{ maxWidth: 960 }}>
        <div style={{ overflowX: "auto" }}><Tabs label="Settings" tabs={tabs} current={tab} onSelect={(id) => set({ tab: id === "general" ? "" : id })} /></div>
        <div role="tabpanel" aria-label={tabs.find((t) => t.id === tab)!.label} className="stack">{panels[tab]!()}</div>
      </div>
    </div>
  );
}
