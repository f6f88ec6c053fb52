// The fleet at a glance: one row a service, worst first to the eye by its badges.
import type { Pool, Service, Tick } from "./api";
import { DASH, dollars, number, percent, seconds, words } from "./format";

const sum = (pools: Pool[], of: (pool: Pool) => number) => pools.reduce((total, pool) => total + of(pool), 0);

export function Badges({ service }: { service: Service }) {
  const missed = service.slo.some((objective) => objective.met === false);
  return (
    <span class="badges">
      {service.mode === "shadow" && <span class="badge dim">shadow</span>}
      {service.paused && <span class="badge warn" title={service.paused.comment}>paused by {service.paused.author}</span>}
      {service.override && (
        <span class="badge warn" title={service.override.comment}>
          {service.override.kind} {service.override.replicas} by {service.override.author}
        </span>
      )}
      {service.rollout && <span class="badge">rollout</span>}
      {missed && <span class="badge bad">SLO missed</span>}
    </span>
  );
}

// Ready solid, warming hatched, draining hollow: shape as well as colour.
export function Tiles({ pools }: { pools: Pool[] }) {
  const ready = sum(pools, (p) => p.ready), draining = sum(pools, (p) => p.draining);
  const warming = sum(pools, (p) => p.requested + p.starting + p.loading), failed = sum(pools, (p) => p.failed);
  const all = ready + warming + draining + failed;
  const label = `${ready} ready, ${warming} warming, ${draining} draining, ${failed} failed`;
  if (all > 24) return <span aria-label={label}>{label}</span>;
  const tiles = (count: number, kind: string) => Array.from({ length: count }, (_, i) => <i key={kind + i} class={kind} />);
  return (
    <span class="tiles" title={label} aria-label={label} role="img">
      {tiles(ready, "ready")}{tiles(warming, "warming")}{tiles(draining, "draining")}{tiles(failed, "failed")}
      {all === 0 && <em>none</em>}
    </span>
  );
}

export function worst(service: Service) {
  const measured = service.slo.filter((o) => o.measured !== null);
  measured.sort((a, b) => b.measured! / b.bound - a.measured! / a.bound);
  return measured[0] ?? service.slo[0];
}

function Row({ service }: { service: Service }) {
  const objective = worst(service);
  const decision = service.last_decision;
  return (
    <tr onClick={() => { location.hash = `#/service/${encodeURIComponent(service.name)}`; }}>
      <td><a href={`#/service/${encodeURIComponent(service.name)}`}>{service.name}</a> <Badges service={service} /></td>
      <td><Tiles pools={service.pools} /></td>
      <td class="n">{number(service.band.floor)} … {number(service.band.ceiling)}</td>
      <td class="n">{service.demand.rate === null ? DASH : `${number(service.demand.rate)}/s`}</td>
      <td class="n">{number(service.queued)}</td>
      <td class={`n ${objective?.met === false ? "bad" : ""}`}>
        {objective ? <>{seconds(objective.measured)} <small>of {seconds(objective.bound)}</small></> : DASH}
      </td>
      <td class="n">{percent(service.attainment)}</td>
      <td class="n">{service.cost_per_hour !== null ? dollars(service.cost_per_hour) : `${number(service.gpus)} GPU`}</td>
      <td>{decision ? <><b>{decision.verdict}</b> {words(decision.reason)}</> : DASH}</td>
    </tr>
  );
}

function Totals({ services }: { services: Service[] }) {
  const missed = services.filter((s) => s.slo.some((objective) => objective.met === false)).length;
  const total = (of: (service: Service) => number) => services.reduce((all, one) => all + of(one), 0);
  return (
    <dl class="figures">
      <div><dt>services</dt><dd>{services.length}</dd></div>
      <div><dt>replicas ready</dt><dd>{total((s) => sum(s.pools, (p) => p.ready))}</dd></div>
      <div><dt>warming</dt><dd>{total((s) => sum(s.pools, (p) => p.requested + p.starting + p.loading))}</dd></div>
      <div><dt>GPUs</dt><dd>{number(total((s) => s.gpus))}</dd></div>
      <div><dt>cost</dt><dd>{dollars(total((s) => s.cost_per_hour ?? 0))}</dd></div>
      <div><dt>missing the SLO</dt><dd class={missed ? "bad" : "good"}>{missed}</dd></div>
    </dl>
  );
}

export function Fleet({ tick }: { tick: Tick }) {
  if (tick.services.length === 0)
    return <p class="empty">No service is configured. <code>tidegate init</code> writes a first file.</p>;
  return (
    <>
    <Totals services={tick.services} />
    <table class="fleet">
      <thead>
        <tr>
          <th>service</th><th>replicas</th><th class="n">band</th><th class="n">demand</th><th class="n">queued</th>
          <th class="n">latency</th><th class="n">attainment</th><th class="n">cost</th><th>last decision</th>
        </tr>
      </thead>
      <tbody>{tick.services.map((service) => <Row key={service.name} service={service} />)}</tbody>
    </table>
    </>
  );
}
