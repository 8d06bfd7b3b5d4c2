// People with their roles, service tokens, and workspaces.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { Icon } from "../kit/icons";
import { Dialog, Empty, Load, Tabs } from "../kit/states";
import { FirstUserForm } from "../session/login";
import { administers, may, useSession } from "../session/session";
import { AddToken, Tokens } from "./tokens";
import { AddUser, Users } from "./users";
import { AddWorkspace, Workspaces } from "./workspaces";

const tabs = { people: "Add a person", tokens: "New token", workspaces: "New workspace" } as const;
type Tab = keyof typeof tabs;

export default function PeoplePage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const session = useSession();
  const [dialog, setDialog] = useState<"first" | Tab | null>(null);
  const tab: Tab = search.tab === "tokens" || search.tab === "workspaces" ? search.tab : "people";
  useCrumbs({ label: "People" });
  const people = useQuery({ queryKey: ["people", ws], queryFn: ({ signal }) => api.get("/w/{ws}/people", { path: { ws }, signal }) });
  const mayTokens = may(session, ws, "editor");
  const tokens = useQuery({ queryKey: ["tokens", ws], queryFn: ({ signal }) => api.get("/w/{ws}/tokens", { path: { ws }, signal }), enabled: mayTokens });
  const mayAdd = { people: may(session, ws, "admin"), tokens: mayTokens, workspaces: administers(session) }[tab];
  const close = () => setDialog(null);
  const encoded = encodeURIComponent(ws);
  return (
    <div className="page scroll">
      <div className="page-head"><h1 className="grow">People</h1>
        <CopyAs icon cli={tab === "tokens" ? ["token", "list"] : ["user", "list"]} call={{ path: tab === "workspaces" ? "/workspaces" : `/w/${encoded}/${tab}` }} />
        {session.setup_needed && tab === "people" ? <button className="button primary" onClick={() => setDialog("first")}><Icon name="plus" />Create the first account</button>
          : mayAdd && <button className="button primary" onClick={() => setDialog(tab)}><Icon name="plus" />{tabs[tab]}</button>}
      </div>
      <div style={{ padding: "0 16px" }}><Tabs label="People, tokens and workspaces" current={tab} onSelect={(t) => set({ tab: t === "people" ? undefined : t })} tabs={[
        { id: "people", label: "People", n: people.data?.users.length },
        ...(mayTokens ? [{ id: "tokens", label: "Service tokens", n: tokens.data?.tokens.length }] : []),
        { id: "workspaces", label: "Workspaces", n: session.workspaces.length },
      ]} /></div>
      <div className="page-body" style={{ paddingTop: 16 }} role="tabpanel" aria-label={tab}>
        {session.setup_needed && tab === "people" && <div className="banner info"><Icon name="people" /><span>No account exists, so everyone on this machine can do everything and nobody else can connect. From the first account on, every protocol asks for credentials.</span></div>}
        {tab === "people" && <Load query={people}>{(d) => (d.users.length === 0 ? <Empty title="Nobody yet" text="The first account is made here, or on the machine:" code="assay user add rima --everywhere --role admin" /> : <Users users={d.users} tokens={tokens.data?.tokens ?? []} />)}</Load>}
        {tab === "tokens" && <Load query={tokens}>{(d) => (d.tokens.length === 0 ? <Empty title="No service tokens" text="A token lets CI and agents in without a person's password. On the client:" code={`export MLFLOW_TRACKING_TOKEN=assay_…          # MLflow\nexport OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer assay_…"   # OTLP\nexport ASSAY_TOKEN=assay_…                    # the assay command`} /> : <Tokens tokens={d.tokens} />)}</Load>}
        {tab === "workspaces" && <Workspaces />}
      </div>
      {dialog === "people" && <AddUser onClose={close} />}
      {dialog === "tokens" && <AddToken onClose={close} />}
      {dialog === "workspaces" && <AddWorkspace onClose={close} />}
      {dialog === "first" && <Dialog title="Create the first account" onClose={close}><FirstUserForm onDone={close} /></Dialog>}
    </div>
  );
}
