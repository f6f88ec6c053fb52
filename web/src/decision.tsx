// One decision, stage by stage, and what would have to change for another answer.
import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "./api";
import type { Decision } from "./api";
import { clock, number, seconds, words } from "./format";

function WhatIf({ service, total }: { service: string; total: number }) {
  const [replicas, setReplicas] = useState(total + 1);
  const [text, setText] = useState("");
  const ask = (event: Event) => {
    event.preventDefault();
    setText("…");
    api.explain(service, replicas).then((answer) => setText(answer.text)).catch((error) => setText(String(error.message)));
  };
  return (
    <form class="whatif" onSubmit={ask}>
      <label>What would make it <input type="number" min="0" max="9999" value={replicas}
        onInput={(e) => setReplicas(Number((e.target as HTMLInputElement).value))} /> replicas now?</label>
      <button type="submit">compute</button>
      {text && <pre>{text}</pre>}
    </form>
  );
}

interface RecordProps { service: string; id: number; list: Decision[]; choose: (d: Decision) => void }

// Arrow keys go to the neighbours in time, Escape closes.
function useKeys({ service, id, list, choose }: RecordProps) {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if ((event.target as HTMLElement).closest("input, .u-over")) return;
      const at = list.findIndex((d) => d.id === id);
      const next = event.key === "ArrowLeft" ? list[at + 1] : event.key === "ArrowRight" ? list[at - 1] : undefined;
      if (event.key === "Escape") location.hash = `#/service/${encodeURIComponent(service)}`;
      if (!next || at < 0) return;
      event.preventDefault();
      choose(next);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [service, id, list]);
}

export function DecisionRecord(props: RecordProps) {
  const { service, id } = props;
  useKeys(props);
  const [reasons, setReasons] = useState<api.Reasons>({});
  useEffect(() => { api.reasons().then(setReasons).catch(() => {}); }, []);
  const [record, setRecord] = useState<Decision | null>(null);
  const [problem, setProblem] = useState("");
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    let live = true;
    api.get<Decision>(`/api/v1/services/${encodeURIComponent(service)}/decisions/${id}`)
      .then((loaded) => { if (live) { setRecord(loaded); setProblem(""); } })
      .catch((error) => live && setProblem(error.message));
    return () => { live = false; };
  }, [service, id]);
  useEffect(() => place.current?.scrollIntoView({ block: "nearest" }), [record]);
  if (problem) return <section class="record" ref={place}><p class="empty">{problem}</p></section>;
  if (!record) return null;
  const total = record.pools.reduce((sum, pool) => sum + pool.replicas, 0);
  return (
    <section class="record" ref={place} aria-label="decision record">
      <h3>
        {clock(record.now)} <span class={`verdict ${record.verdict}`}>{record.verdict}</span> to{" "}
        {record.pools.map((p) => `${p.replicas} ${p.pool}`).join(" + ")}: {words(record.reason)}
        <a class="close" href={`#/service/${encodeURIComponent(service)}`} aria-label="close">×</a>
      </h3>
      {reasons[record.reason] && <p>{reasons[record.reason].meaning} <span class="dim">{reasons[record.reason].advice}</span></p>}
      <table class="stages">
        <thead><tr><th>stage</th><th class="n">before</th><th class="n">after</th><th>why</th><th>facts</th></tr></thead>
        <tbody>
          {record.stages.map((stage) => (
            <tr key={stage.stage}>
              <td>{stage.stage}</td><td class="n">{number(stage.before)}</td><td class="n">{number(stage.after)}</td>
              <td title={reasons[stage.reason]?.meaning}>{words(stage.reason)}{stage.note ? <small> · {words(stage.note)}</small> : ""}</td>
              <td class="facts">
                {Object.entries(stage.facts ?? {}).map(([name, value]) => <span key={name}>{words(name)} <b>{number(value)}</b></span>)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        Band {number(record.band.floor)} ({words(record.band.floor_reason)}) … {number(record.band.ceiling)} ({words(record.band.ceiling_reason)})
        {record.lead_time ? <> · a replica asked for now is ready in about {seconds(record.lead_time)}</> : ""}
        {record.unlocks ? <> · the hold ends {clock(record.unlocks)}</> : ""}
        {record.peers?.length ? <> · beside us: {record.peers.map((p) => `${p.policy} ${p.replicas}`).join(", ")}</> : ""}
      </p>
      <WhatIf service={service} total={total} />
    </section>
  );
}
