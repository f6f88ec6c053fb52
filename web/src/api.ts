// What the server says (docs/reference/api.md) and how it is asked. A value that was not measured is null.

export interface Band { floor: number; ceiling: number; floor_reason: string; ceiling_reason: string }
export interface Stage {
  stage: string; before: number; after: number; reason: string; note?: string; facts?: Record<string, number | null>;
}
export interface Decision {
  id?: number; now: number; service: string; verdict: string; reason: string;
  pools: { pool: string; replicas: number }[]; band: Band; stages: Stage[];
  peers?: { policy: string; replicas: number }[]; lead_time?: number; hold_time?: number; unlocks?: number | null;
}
export interface Pool {
  name: string; desired: number; requested: number; starting: number; loading: number; ready: number;
  draining: number; failed: number; gpus: number; price_per_hour: number | null; slots: number | null;
}
export interface Replica {
  id: string; pool: string; state: string; endpoint: string; since: number; gpus: number[]; pid: number; detail: string;
}
export interface SignalReading {
  signal: string; quality: string; value: number | null; age: number | null; reported: number; expected: number;
}
export interface Service {
  name: string; mode: string; slo: { objective: string; bound: number; measured: number | null; met: boolean | null }[];
  attainment: number | null; band: Band; demand: { rate: number | null; expected: number | null; quality: string };
  in_flight: number | null; queued: number | null; pools: Pool[]; cost_per_hour: number | null; gpus: number;
  lead_time: number; hold_time: number; paused: { author: string; comment: string } | null;
  override: { kind: string; replicas: number; expires: number; author: string; comment: string } | null;
  rollout: boolean; signals: SignalReading[]; replicas: Replica[]; peers: { policy: string; replicas: number }[];
  last_decision: Decision | null;
}
export type Point = Record<string, number | null>;
export interface Series { t: number[]; columns: Record<string, (number | null)[]> }
export interface Tick { now: number; services: Service[]; points: Record<string, Point> }

export async function get<T>(path: string): Promise<T> {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (!answer.ok) {
    const body = await answer.json().catch(() => null);
    throw new Error(body?.error?.message ?? `${path} answered ${answer.status}`);
  }
  return answer.json();
}

export const series = (name: string, window: number) =>
  get<Series>(`/api/v1/services/${encodeURIComponent(name)}/series?window=${window}`);
export const decisions = (name: string, from: number) =>
  get<{ decisions: Decision[] }>(`/api/v1/services/${encodeURIComponent(name)}/decisions?from=${from}&limit=500`);
export const explain = (name: string, replicas: number) =>
  get<{ text: string }>(`/api/v1/services/${encodeURIComponent(name)}/explain?replicas=${replicas}`);
