// The page: the fleet as a table, one service as charts, kept live by server-sent events.
// The address holds the whole view (#/service/NAME/decision/ID), so a link shows what its sender saw.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { listen, Refused, setToken, type Service, type Tick } from "./api";
import * as api from "./api";
import { Fleet } from "./fleet";
import { clock } from "./format";
import { ServicePage } from "./service";
import "uplot/dist/uPlot.min.css";
import "./style.css";

type Connection = "connecting" | "live" | "lost" | "refused";

const RETRY_MS = 2_000, SILENCE_MS = 15_000;

function useTicks(attempt: number): [Tick | null, Connection] {
  const [tick, setTick] = useState<Tick | null>(null);
  const [connection, setConnection] = useState<Connection>("connecting");
  const heard = useRef(0);
  useEffect(() => {
    const stop = new AbortController();
    const hear = (event: string, data: string) => {
      if (event !== "tick") return;
      heard.current = Date.now();
      setConnection("live");
      setTick(JSON.parse(data));
    };
    const connect = () => listen("/api/v1/events", hear, stop.signal).catch((error) => {
      if (stop.signal.aborted) return;
      if (error instanceof Refused) return setConnection("refused");
      setConnection("lost");
      setTimeout(() => stop.signal.aborted || connect(), RETRY_MS);
    });
    connect();
    // A stream that stays open but silent is as lost as a closed one.
    const watch = setInterval(() => heard.current && Date.now() - heard.current > SILENCE_MS && setConnection("lost"), RETRY_MS);
    return () => { stop.abort(); clearInterval(watch); };
  }, [attempt]);
  return [tick, connection];
}

// Of a large fleet a tick carries services in brief; the one looked at is asked for in full.
function useFull(brief: Service | undefined, now: number): Service | undefined {
  const [full, setFull] = useState<Service>();
  const wanted = brief && !brief.signals ? brief.name : null;
  useEffect(() => {
    if (wanted) api.get<Service>(`/api/v1/services/${encodeURIComponent(wanted)}`).then(setFull).catch(() => {});
  }, [wanted, now]);
  return wanted && full?.name === wanted ? full : brief;
}

function Token({ given }: { given: () => void }) {
  const [token, set] = useState("");
  const send = (event: Event) => { event.preventDefault(); setToken(token); given(); };
  return (
    <form class="token" onSubmit={send}>
      <label>This controller wants its <code>api.token</code>: <input type="password" autocomplete="off" value={token}
        onInput={(e) => set((e.target as HTMLInputElement).value)} /></label>
      <button type="submit">go on</button>
    </form>
  );
}

function useRoute(): string[] {
  const read = () => location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  const [route, setRoute] = useState(read());
  useEffect(() => {
    const changed = () => setRoute(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

const connectionText: Record<Connection, string> = {
  connecting: "connecting", live: "live", lost: "connection lost: the figures below are old; retrying",
  refused: "a token is wanted",
};

function App() {
  const [attempt, setAttempt] = useState(0);
  const [tick, connection] = useTicks(attempt);
  const [kind, name, , decision] = useRoute();
  const service = useFull(tick?.services.find((s) => s.name === name), tick?.now ?? 0);
  return (
    <>
      <header>
        <a class="mark" href="#/">tidegate</a>
        {kind === "service" && <span class="crumb">/ {name}</span>}
        <span class={`connection ${connection}`} role="status">
          {connectionText[connection]}{connection === "live" && tick ? ` · ${clock(tick.now)}` : ""}
        </span>
      </header>
      <main>
        {connection === "refused" && <Token given={() => setAttempt(attempt + 1)} />}
        {!tick && connection !== "refused" && <p class="empty">Waiting for the first decision…</p>}
        {tick && kind !== "service" && <Fleet tick={tick} />}
        {tick && kind === "service" && service &&
          <ServicePage key={name} service={service} tick={tick} decision={decision ? Number(decision) : null} />}
        {tick && kind === "service" && !service &&
          <p class="empty">There is no service “{name}” (any more). <a href="#/">Back to the fleet</a></p>}
      </main>
    </>
  );
}

render(<App />, document.getElementById("app")!);
