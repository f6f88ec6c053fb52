// One service: what it needed, what it had, what was promised, and every decision that changed something.
import { useEffect, useMemo, useState } from "preact/hooks";
import * as api from "./api";
import type { Decision, Point, Series, Service, Tick } from "./api";
import { Chart, type Line } from "./chart";
import { DecisionRecord } from "./decision";
import { Badges, Tiles, worst } from "./fleet";
import { clock, dollars, number, percent, seconds, words } from "./format";

const windows: [string, number][] = [["15 min", 900], ["1 h", 3600], ["6 h", 21600], ["24 h", 86400]];
const POINTS_MAX = 20_000;

function append(old: Series, t: number, point: Point, window: number): Series {
  if (old.t.length && t <= old.t[old.t.length - 1]) return old;
  const times = [...old.t, t];
  let drop = Math.max(0, times.length - POINTS_MAX);
  while (drop < times.length && times[drop] < t - window) drop++;
  const columns: Series["columns"] = {};
  for (const name of new Set([...Object.keys(old.columns), ...Object.keys(point)])) {
    const column = old.columns[name] ?? old.t.map(() => null);
    columns[name] = [...column, point[name] ?? null].slice(drop);
  }
  return { t: times.slice(drop), columns };
}

function useSeries(name: string, tick: Tick, window: number): Series {
  const [series, setSeries] = useState<Series>({ t: [], columns: {} });
  useEffect(() => {
    let live = true;
    api.series(name, window).then((loaded) => live && setSeries(loaded)).catch(() => {});
    return () => { live = false; };
  }, [name, window]);
  useEffect(() => {
    const point = tick.points[name];
    if (point) setSeries((old) => append(old, tick.now, point, window));
  }, [tick.now]);
  return series;
}

// Holds are the rule; the list and the markers show what changed.
function useDecisions(service: Service, from: number): Decision[] {
  const [list, setList] = useState<Decision[]>([]);
  const last = service.last_decision;
  const changed = last && last.verdict !== "hold" ? last.now : 0;
  useEffect(() => {
    let live = true;
    api.decisions(service.name, from)
      .then((loaded) => live && setList(loaded.decisions.filter((d) => d.verdict !== "hold"))).catch(() => {});
    return () => { live = false; };
  }, [service.name, changed, Math.floor(from / 60)]);
  return list;
}

function Figures({ service }: { service: Service }) {
  const objective = worst(service);
  return (
    <dl class="figures">
      <div><dt>replicas</dt><dd><Tiles pools={service.pools} /></dd></div>
      <div><dt>band</dt><dd>{number(service.band.floor)} … {number(service.band.ceiling)}</dd></div>
      <div><dt>demand now → at lead time</dt><dd>{number(service.demand.rate)} → {number(service.demand.expected)} /s</dd></div>
      <div><dt>{objective?.objective ?? "latency"}</dt>
        <dd class={objective?.met === false ? "bad" : ""}>{seconds(objective?.measured)} <small>of {seconds(objective?.bound)}</small></dd></div>
      <div><dt>attainment</dt><dd>{percent(service.attainment)}</dd></div>
      <div><dt>queued · in flight</dt><dd>{number(service.queued)} · {number(service.in_flight)}</dd></div>
      <div><dt>cost</dt><dd>{service.cost_per_hour !== null ? dollars(service.cost_per_hour) : `${number(service.gpus)} GPUs`}</dd></div>
      <div><dt>lead · hold time</dt><dd>{seconds(service.lead_time)} · {seconds(service.hold_time)}</dd></div>
    </dl>
  );
}

function Signals({ service }: { service: Service }) {
  return (
    <section>
      <h3>Signals</h3>
      <table>
        <thead><tr><th>signal</th><th>quality</th><th class="n">value</th><th class="n">age</th><th class="n">reporting</th></tr></thead>
        <tbody>
          {(service.signals ?? []).map((signal) => (
            <tr key={signal.signal}>
              <td>{words(signal.signal)}</td>
              <td class={signal.quality === "fresh" ? "good" : signal.quality === "absent" ? "dim" : "bad"}>{signal.quality}</td>
              <td class="n">{number(signal.value)}</td><td class="n">{seconds(signal.age)}</td>
              <td class="n">{signal.expected ? `${signal.reported}/${signal.expected}` : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Replicas({ service, now }: { service: Service; now: number }) {
  return (
    <section>
      <h3>Replicas</h3>
      {!service.replicas?.length ? <p class="empty">None runs. The first request wakes one.</p> : (
        <table>
          <thead><tr><th>replica</th><th>pool</th><th>state</th><th class="n">for</th><th>at</th><th>GPUs</th><th>remark</th></tr></thead>
          <tbody>
            {service.replicas.map((replica) => (
              <tr key={replica.id}>
                <td>{replica.id}</td><td>{replica.pool}</td>
                <td><span class={`state ${replica.state}`}>{replica.state}</span></td>
                <td class="n">{seconds(Math.max(0, Math.round(now - replica.since)))}</td>
                <td>{replica.endpoint}</td><td>{replica.gpus.join(", ")}</td><td>{replica.detail}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const ROWS_AT_FIRST = 12;

function Decisions({ list, chosen, choose }: { list: Decision[]; chosen: number | null; choose: (d: Decision) => void }) {
  const [all, setAll] = useState(false);
  return (
    <section>
      <h3>Decisions that changed something</h3>
      {list.length === 0 ? <p class="empty">Nothing changed in this window.</p> : (
        <table class="decisions">
          <tbody>
            {list.slice(0, all ? 500 : ROWS_AT_FIRST).map((d) => (
              <tr key={d.id} class={d.id === chosen ? "chosen" : ""} onClick={() => choose(d)}>
                <td class="n"><button type="button">{clock(d.now)}</button></td>
                <td><span class={`verdict ${d.verdict}`}>{d.verdict}</span></td>
                <td>{d.pools.map((p) => `${p.replicas}${d.pools.length > 1 ? ` ${p.pool}` : ""}`).join(" + ")}</td>
                <td>{words(d.reason)}</td>
                <td class="n dim">{number(d.band.floor)} … {number(d.band.ceiling)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {!all && list.length > ROWS_AT_FIRST &&
        <button type="button" class="more" onClick={() => setAll(true)}>show all {list.length}</button>}
    </section>
  );
}

// Beyond this many times its bound a latency is cut, so that the bound can still be seen.
const LATENCY_CUT = 4;

const peerColors = ["--peer1", "--peer2", "--peer3"];

export function ServicePage({ service, tick, decision }: { service: Service; tick: Tick; decision: number | null }) {
  const [window, setWindow] = useState(900);
  const series = useSeries(service.name, tick, window);
  const list = useDecisions(service, tick.now - window);
  const peers = Object.keys(series.columns).filter((name) => name.startsWith("peer:"));
  const choose = (d: Decision) => { location.hash = `#/service/${encodeURIComponent(service.name)}/decision/${d.id}`; };
  const base = { t: series.t, columns: series.columns, markers: list, chosen: decision, onChoose: choose };
  const sizes = useMemo((): Line[] => [
    { column: "floor", label: "floor", color: "--bandline", width: 1 },
    { column: "ceiling", label: "ceiling", color: "--bandline", width: 1 },
    { column: "desired", label: "wanted", color: "--dim", step: true, dash: [4, 3] },
    { column: "ready", label: "ready", color: "--ready", width: 2.5, step: true },
    { column: "warming", label: "warming", color: "--warming", step: true },
    { column: "draining", label: "draining", color: "--draining", step: true },
    ...peers.map((name, i): Line => ({
      column: name, label: name.slice(5), color: peerColors[i % peerColors.length], step: true, dash: [2, 3] })),
  ], [peers.join()]);
  const objective = worst(service);
  const percentiles = ["ttft_p99", "itl_p99", "latency_p99"].filter((name) => series.columns[name]?.some((v) => v !== null));
  return (
    <>
      <div class="title">
        <h2>{service.name}</h2> <Badges service={service} />
        <span class="windows" role="group" aria-label="time window">
          {windows.map(([label, length]) => (
            <button type="button" key={label} aria-pressed={length === window} onClick={() => setWindow(length)}>{label}</button>
          ))}
        </span>
      </div>
      <Figures service={service} />
      <Chart {...base} title="Replicas and band" marked height={240} lines={sizes} band={["floor", "ceiling"]} format={(v) => number(v, 2)} />
      {decision !== null && <DecisionRecord service={service.name} id={decision} list={list} choose={choose} />}
      <Chart {...base} title="Demand, requests per second" height={140} format={(v) => number(v)} lines={[
        { column: "rate", label: "now", color: "--accent", fill: "--accentfill" },
        { column: "expected", label: "expected at lead time", color: "--forecast", dash: [4, 3] }]} />
      <Chart {...base} title="Latency against the SLO" height={160} cut={objective ? objective.bound * LATENCY_CUT : undefined} format={(v) => seconds(v)}
        limit={objective ? { value: objective.bound, label: `${objective.objective} ${seconds(objective.bound)}` } : undefined}
        lines={(percentiles.length ? percentiles : ["ttft_p99"]).map((name, i): Line => ({
          column: name, label: words(name), color: ["--accent", "--peer2", "--peer3"][i] }))} />
      <Chart {...base} title="Queue" height={120} format={(v) => number(v)} lines={[
        { column: "queued", label: "queued", color: "--bad", fill: "--badfill" },
        { column: "in_flight", label: "in flight", color: "--dim" }]} />
      <Chart {...base} title={service.cost_per_hour !== null ? "Cost, $ per hour" : "GPUs in use"} height={110} format={(v) => number(v)}
        lines={[{ column: service.cost_per_hour !== null ? "cost_per_hour" : "gpus", label: "cost", color: "--ready", step: true, fill: "--accentfill" }]} />
      <Decisions list={list} chosen={decision} choose={choose} />
      <Replicas service={service} now={tick.now} />
      <Signals service={service} />
    </>
  );
}
