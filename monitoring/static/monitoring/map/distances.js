// The distance of each sample in its order, with the threshold of its file; uPlot draws it.

import { figure } from "./colours.js";

const HEIGHT = 280;

export function drawDistances(target, points, open) {
  target.replaceChildren();
  if (!points.samples || typeof uPlot === "undefined") return null;
  const { order, score, severity, batches, samples } = points;
  const x = Array.from(order);
  const y = new Array(samples);
  const odd = new Array(samples);
  const threshold = new Array(samples).fill(null);
  for (let i = 0; i < samples; i += 1) {
    y[i] = Number.isFinite(score[i]) ? score[i] : null;
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
      scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low), high * 1.05 || 1] } },
      axes: [{ ...axis, label: "sample" }, { ...axis, label: "distance", size: 60 }],
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
