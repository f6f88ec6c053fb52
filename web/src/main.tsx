// The page: the fleet as a table, one service as charts, kept live by server-sent events.
// The address holds the whole view (#/service/NAME/decision/ID), so a link shows what its sender saw.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Tick } from "./api";
import { Fleet } from "./fleet";
import { clock } from "./format";
import { ServicePage } from "./service";
import "uplot/dist/uPlot.min.css";
import "./style.css";

type Connection = "connecting" | "live" | "lost";

function useTicks(): [Tick | null, Connection] {
  const [tick, setTick] = useState<Tick | null>(null);
  const [connection, setConnection] = useState<Connection>("connecting");
  const heard = useRef(0);
  useEffect(() => {
    const events = new EventSource("/api/v1/events");
    events.addEventListener("tick", (event) => {
      heard.current = Date.now();
      setConnection("live");
      setTick(JSON.parse((event as MessageEvent).data));
    });
    events.onerror = () => setConnection("lost");
    // A stream that stays open but silent is as lost as a closed one.
    const watch = setInterval(() => heard.current && Date.now() - heard.current > 15_000 && setConnection("lost"), 2_000);
    return () => { events.close(); clearInterval(watch); };
  }, []);
  return [tick, connection];
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
};

function App() {
  const [tick, connection] = useTicks();
  const [kind, name, , decision] = useRoute();
  const service = tick?.services.find((s) => s.name === name);
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
        {!tick && <p class="empty">Waiting for the first decision…</p>}
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
