// The distance of each sample in its order, with the threshold of its file; uPlot draws it.

import { figure } from "./colours.js";

const HEIGHT = 280;
// Where the farthest lies so many thresholds away, equal steps would show it alone.
const WIDE = 30;

const EVEN = { range: (_, low, high) => [Math.min(0, low), high * 1.05 || 1] };
const BY_POWERS = { distr: 3, range: (_, low, high) => [low / 1.5, high * 1.5] };

function spans(y, batches) {
  const thresholds = batches.map((one) => one.threshold).filter((one) => one > 0);
  const highest = y.reduce((high, one) => Math.max(high, one ?? 0), 0);
  return thresholds.length > 0 && highest > WIDE * Math.max(...thresholds);
}

export function drawDistances(target, points, open) {
  target.replaceChildren();
  if (!points.samples || typeof uPlot === "undefined") return null;
  const { order, score, severity, batches, samples } = points;
  const x = Array.from(order);
  const y = Array.from(score, (one) => (Number.isFinite(one) ? one : null));
  const odd = new Array(samples);
  const threshold = new Array(samples).fill(null);
  const isWide = spans(y, batches);
  const least = y.reduce((low, one) => (one > 0 && one < low ? one : low), Infinity);
  for (let i = 0; i < samples; i += 1) {
    // Powers of ten have no zero: what lies on a healthy row stands at the foot.
    if (isWide && y[i] === 0) y[i] = least;
    odd[i] = severity[i] > 0 && severity[i] < 5 ? y[i] : null;
  }
  for (const one of batches) threshold.fill(one.threshold, one.first, one.first + one.count);
  const style = getComputedStyle(target);
  const [ink, grid] = [style.color, style.getPropertyValue("border-top-color")];
  const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  const value = (_, raw) => (raw === null ? "–" : figure(raw));
  const chart = new uPlot(
    {
      width: Math.max(target.clientWidth, 200),
      height: HEIGHT,
      scales: { x: { time: false }, y: isWide ? BY_POWERS : EVEN },
      axes: [
        { ...axis, label: "sample" },
        { ...axis, label: isWide ? "distance, by powers of ten" : "distance", size: 60 },
      ],
      series: [
        { label: "Sample", value: (_, raw) => (raw === null ? "–" : String(raw)) },
        { label: "Distance", stroke: style.caretColor, width: 1, points: { show: samples < 2 }, value },
        {
          label: "Anomalous",
          stroke: "#d55e00",
          paths: () => null,
          points: { show: true, size: 5, fill: "#d55e00" },
          value,
        },
        { label: "Threshold", stroke: "#d55e00", width: 1.5, dash: [8, 5], points: { show: false }, value },
      ],
    },
    [x, y, odd, threshold],
    target,
  );
  chart.over.addEventListener("click", () => {
    if (chart.cursor.idx !== null && !chart.select.width) open(chart.cursor.idx);
  });
  const watch = new ResizeObserver(() => {
    const width = Math.max(target.clientWidth, 200);
    if (width !== chart.width) chart.setSize({ width, height: HEIGHT });
  });
  watch.observe(target);
  return {
    destroy: () => {
      watch.disconnect();
      chart.destroy();
    },
  };
}
