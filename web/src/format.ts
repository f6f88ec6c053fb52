// Numbers as people read them. null = not measured, shown as a dash and never as 0.

export const DASH = "–";

export function number(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || Number.isNaN(value)) return DASH;
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  return Number(value.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 3 });
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  if (value < 1) return `${number(value * 1000)} ms`;
  if (value < 90) return `${number(value)} s`;
  if (value < 5400) return `${number(value / 60, 2)} min`;
  return `${number(value / 3600, 2)} h`;
}

export const percent = (value: number | null) => (value === null ? DASH : `${(value * 100).toFixed(value < 0.9995 ? 2 : 1)} %`);
export const dollars = (value: number | null) => (value === null ? DASH : `$${value.toFixed(2)}/h`);
export const clock = (t: number) => new Date(t * 1000).toLocaleTimeString("en-GB");
export const words = (reason: string) => reason.replaceAll("_", " ");
