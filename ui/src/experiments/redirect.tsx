// /experiments/{id} is the runs table with that experiment as its scope.
import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { useGo } from "../app/link";
import { to, useWs } from "../app/url";

export default function ExperimentRedirect() {
  const ws = useWs();
  const go = useGo();
  const { experimentId } = useParams({ strict: false }) as { experimentId: string };
  useEffect(() => go(`${to(ws, "runs")}?exp=${encodeURIComponent(experimentId)}`, { replace: true }), [ws, go, experimentId]);
  return null;
}
