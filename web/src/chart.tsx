// One uPlot chart of the service page. All charts share a time axis and a cursor.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Decision } from "./api";
import { clock } from "./format";

export interface Line {
  column: string; label: string; color: string; width?: number; dash?: number[]; step?: boolean; fill?: string;
  show?: (value: number | null) => string;
}
export interface ChartProps {
  title: string; height: number; t: number[]; columns: Record<string, (number | null)[]>; lines: Line[];
  band?: [string, string]; cut?: number; marked?: boolean; limit?: { value: number; label: string }; markers?: Decision[];
  chosen?: number | null; onChoose?: (decision: Decision) => void; format: (value: number) => string;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const verdictColor: Record<string, string> = { raise: "--raise", lower: "--lower", move: "--accent" };

// Raise points up, lower points down: shape as well as colour.
// Charts below the first repeat only the lines, and those faintly.
function drawMarkers(u: uPlot, { markers = [], chosen, marked }: ChartProps) {
  const { ctx } = u;
  const size = 5 * devicePixelRatio, top = u.bbox.top + 2 * devicePixelRatio;
  for (const marker of markers) {
    const x = u.valToPos(marker.now, "x", true);
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
    const up = marker.verdict !== "lower";
    ctx.fillStyle = ctx.strokeStyle = css(verdictColor[marker.verdict] ?? "--dim");
    if (marked) {
      ctx.beginPath();
      ctx.moveTo(x - size, top + (up ? size * 1.6 : 0));
      ctx.lineTo(x + size, top + (up ? size * 1.6 : 0));
      ctx.lineTo(x, top + (up ? 0 : size * 1.6));
      ctx.fill();
    }
    ctx.globalAlpha = marker.id === chosen ? 1 : marked ? 0.25 : 0.12;
    ctx.beginPath();
    ctx.moveTo(x, top + size * 1.6);
    ctx.lineTo(x, u.bbox.top + u.bbox.height);
    ctx.lineWidth = devicePixelRatio;
    ctx.stroke();
    ctx.globalAlpha = 1;
  }
}

function drawLimit(u: uPlot, limit: { value: number; label: string }) {
  const y = u.valToPos(limit.value, "y", true);
  const { ctx } = u;
  ctx.strokeStyle = ctx.fillStyle = css("--bad");
  ctx.setLineDash([6, 4]);
  ctx.beginPath();
  ctx.moveTo(u.bbox.left, y);
  ctx.lineTo(u.bbox.left + u.bbox.width, y);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.textAlign = "right";
  ctx.fillText(limit.label, u.bbox.left + u.bbox.width - 4, y - 6);
}

function options(props: ChartProps, width: number, latest: { current: ChartProps }): uPlot.Options {
  const axis = { stroke: css("--dim"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line") } };
  const index = (column: string) => props.lines.findIndex((line) => line.column === column) + 1;
  return {
    width, height: props.height,
    cursor: { sync: { key: "tidegate" }, focus: { prox: 16 } },
    scales: {
      x: { time: true },
      y: { range: (_u, low, high) => {
        const bound = latest.current.limit?.value ?? 0;
        const top = Math.min(Math.max(high ?? 1, bound, 0.001), latest.current.cut ?? Infinity);
        return [Math.min(0, low ?? 0), top * (latest.current.marked ? 1.2 : 1.12)];
      } },
    },
    axes: [
      { ...axis, values: (_u, ticks) => ticks.map((t) => clock(t)) },
      { ...axis, size: 64, values: (_u, ticks) => ticks.map((v) => props.format(v)) },
    ],
    series: [
      { value: (_u, t) => (t == null ? "" : clock(t)) },
      ...props.lines.map((line): uPlot.Series => ({
        label: line.label, stroke: css(line.color), width: line.width ?? 1.5, dash: line.dash,
        fill: line.fill ? css(line.fill) : undefined, points: { show: false }, spanGaps: false,
        paths: line.step ? uPlot.paths.stepped!({ align: 1 }) : undefined,
        value: (_u, v) => (line.show ?? ((x: number | null) => (x == null ? "–" : props.format(x))))(v),
      })),
    ],
    bands: props.band ? [{ series: [index(props.band[1]), index(props.band[0])], fill: css("--band") }] : [],
    hooks: {
      draw: [(u) => {
        drawMarkers(u, latest.current);
        if (latest.current.limit) drawLimit(u, latest.current.limit);
      }],
    },
  };
}

export function Chart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const latest = useRef(props);
  latest.current = props;
  const values = () => [props.t, ...props.lines.map((line) => props.columns[line.column] ?? props.t.map(() => null))] as uPlot.AlignedData;

  useEffect(() => {
    const box = place.current!;
    const u = new uPlot(options(props, box.clientWidth, latest), values(), box);
    plot.current = u;
    const click = () => {
      const { left } = u.cursor;
      const { markers, onChoose } = latest.current;
      if (left == null || left < 0 || !markers?.length || !onChoose) return;
      const near = markers.reduce((a, b) =>
        Math.abs(u.valToPos(b.now, "x") - left) < Math.abs(u.valToPos(a.now, "x") - left) ? b : a);
      if (Math.abs(u.valToPos(near.now, "x") - left) < 12) onChoose(near);
    };
    u.over.addEventListener("click", click);
    const resized = new ResizeObserver(() => u.setSize({ width: box.clientWidth, height: props.height }));
    resized.observe(box);
    // Away from the cursor the legend says what is now.
    const rest = () => u.setLegend({ idx: u.data[0].length - 1 });
    u.over.addEventListener("mouseleave", rest);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () => u.redraw();
    scheme.addEventListener("change", repaint);
    return () => { resized.disconnect(); scheme.removeEventListener("change", repaint); u.destroy(); };
  }, [props.lines.map((line) => line.column).join()]);
  useEffect(() => {
    const u = plot.current;
    if (!u) return;
    u.setData(values());
    if (u.cursor.idx == null || (u.cursor.left ?? -1) < 0) u.setLegend({ idx: u.data[0].length - 1 });
  });

  return <section class="chart"><h3>{props.title}</h3><div ref={place} /></section>;
}
