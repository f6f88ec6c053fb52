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
  in_flight: number | null; queued: number | null; replicas_min: number; replicas_max: number; pools: Pool[]; cost_per_hour: number | null; gpus: number;
  lead_time: number; hold_time: number; paused: { author: string; comment: string } | null;
  override: { kind: string; replicas: number; expires: number; author: string; comment: string } | null;
  rollout: boolean; signals?: SignalReading[]; replicas?: Replica[]; peers: { policy: string; replicas: number }[];
  last_decision: Decision | null;
}
export type Point = Record<string, number | null>;
export interface Series { t: number[]; columns: Record<string, (number | null)[]> }
export interface Tick { now: number; services: Service[]; points: Record<string, Point> }

// The token of a guarded API, for as long as the tab lives.
const TOKEN = "tidegate-token";
export const setToken = (token: string) => sessionStorage.setItem(TOKEN, token);
function headers(accept: string): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { accept, authorization: `Bearer ${token}` } : { accept };
}

export class Refused extends Error {}

export async function get<T>(path: string): Promise<T> {
  const answer = await fetch(path, { headers: headers("application/json") });
  if (!answer.ok) {
    const body = await answer.json().catch(() => null);
    throw new (answer.status === 401 ? Refused : Error)(body?.error?.message ?? `${path} answered ${answer.status}`);
  }
  return answer.json();
}

// Server-sent events through fetch, since EventSource cannot carry a token. Ends, one way or another, by throwing.
export async function listen(path: string, on: (event: string, data: string) => void, stop: AbortSignal): Promise<never> {
  const answer = await fetch(path, { headers: headers("text/event-stream"), signal: stop });
  if (answer.status === 401) throw new Refused("the token is wanted");
  if (!answer.ok || !answer.body) throw new Error(`${path} answered ${answer.status}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the stream ended");
    const parts = (rest + value).split("\n\n");
    rest = parts.pop()!;
    for (const part of parts) {
      const lines = part.split("\n");
      const event = lines.find((line) => line.startsWith("event: "))?.slice(7);
      if (event) on(event, lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n"));
    }
  }
}

export type Reasons = Record<string, { meaning: string; advice: string }>;
export const reasons = () => get<Reasons>("/api/v1/reasons");

export const series = (name: string, window: number) =>
  get<Series>(`/api/v1/services/${encodeURIComponent(name)}/series?window=${window}`);
export const decisions = (name: string, from: number) =>
  get<{ decisions: Decision[] }>(`/api/v1/services/${encodeURIComponent(name)}/decisions?from=${from}&limit=500`);
export const explain = (name: string, replicas: number) =>
  get<{ text: string }>(`/api/v1/services/${encodeURIComponent(name)}/explain?replicas=${replicas}`);
