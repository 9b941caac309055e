// Which colour each point has, and what the colours mean.

export const SEVERITIES = ["healthy", "low", "medium", "high", "critical"];
const HEALTHY = 0; // places in the palette: healthy rows, severities, unknown, words, then the ramp
const FIRST_SEVERITY = 1;
const UNKNOWN = 6;
const FIRST_WORD = 7;
const WORDS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#a6761d", "#7570b3"];
const OTHERS = "#8a8a86";
const FIRST_STEP = 16;
const STEPS = 32;
// Light to dark through one hue and back in lightness alone, told apart also without colour vision.
const RAMP = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
];
const ANOMALOUS = ["#56b4e9", "#e69f00", "#d55e00", "#cc79a7"];

const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function packed([red, green, blue]) {
  return little
    ? ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0
    : ((red << 24) | (green << 16) | (blue << 8) | 255) >>> 0;
}

function parsed(colour) {
  if (colour.startsWith("#")) {
    return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  }
  return colour.match(/[\d.]+/g).slice(0, 3).map((one) => Math.round(Number(one)));
}

function ramp(share) {
  const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1);
  const low = Math.min(Math.floor(at), RAMP.length - 2);
  return RAMP[low].map((one, place) => Math.round(one + (at - low) * (RAMP[low + 1][place] - one)));
}

const css = ([red, green, blue]) => `rgb(${red}, ${green}, ${blue})`;

// The colours of the page as they are at the moment, light or dark.
export function paletteOf(stage) {
  const style = getComputedStyle(stage);
  const quiet = parsed(style.color);
  const points = new Array(FIRST_STEP + STEPS).fill(packed(quiet));
  const severities = [css(parsed(style.caretColor)), ...ANOMALOUS];
  severities.forEach((one, place) => (points[FIRST_SEVERITY + place] = packed(parsed(one))));
  [...WORDS, OTHERS].forEach((one, place) => (points[FIRST_WORD + place] = packed(parsed(one))));
  for (let step = 0; step < STEPS; step += 1) {
    points[FIRST_STEP + step] = packed(ramp(step / (STEPS - 1)));
  }
  return {
    paper: packed(parsed(style.backgroundColor)),
    region: getComputedStyle(stage.querySelector("[data-over]")).color,
    quiet: css(quiet),
    severities,
    points,
  };
}

export function bySeverity(points, palette) {
  const colours = new Uint8Array(points.total);
  const counts = new Array(6).fill(0);
  for (let i = 0; i < points.total; i += 1) {
    if (i < points.healthy) colours[i] = HEALTHY;
    else {
      const rank = points.severity[i - points.healthy];
      colours[i] = rank < 5 ? FIRST_SEVERITY + rank : UNKNOWN;
      counts[Math.min(rank, 5)] += 1;
    }
  }
  const rows = points.healthy.toLocaleString("en-GB");
  const legend = [{ colour: palette.quiet, words: `healthy rows of the map: ${rows}` }];
  SEVERITIES.forEach((word, rank) => {
    const shown = rank ? word : "healthy samples";
    legend.push({
      colour: palette.severities[rank],
      words: `${shown}: ${counts[rank].toLocaleString("en-GB")}`,
      size: 6 + 2 * rank,
    });
  });
  if (counts[5]) legend.push({ colour: palette.quiet, words: `not judged: ${counts[5]}` });
  return { colours, legend };
}

export function byNumbers(points, values, low, high, palette) {
  const colours = new Uint8Array(points.total);
  const span = high - low || 1;
  for (let i = 0; i < points.total; i += 1) {
    const share = (values[i] - low) / span;
    const step = Math.round(Math.min(Math.max(share, 0), 1) * (STEPS - 1));
    colours[i] = Number.isNaN(share) ? UNKNOWN : FIRST_STEP + step;
  }
  const legend = [0, 0.25, 0.5, 0.75, 1].map((share) => ({
    colour: css(ramp(share)),
    words: figure(low + share * span),
    size: 10,
  }));
  legend.push({ colour: palette.quiet, words: "not known", size: 6 });
  return { colours, legend };
}

export function byWords(points, values, words, palette) {
  const colours = new Uint8Array(points.total);
  for (let i = 0; i < points.total; i += 1) {
    const code = values[i];
    colours[i] = Number.isNaN(code) ? UNKNOWN : FIRST_WORD + Math.min(code, WORDS.length);
  }
  const legend = words.map((word, place) => ({
    colour: place < WORDS.length ? WORDS[place] : OTHERS,
    words: word,
    size: 10,
  }));
  legend.push({ colour: palette.quiet, words: "not known", size: 6 });
  return { colours, legend };
}

// Four digits that count, as the server writes them.
export function figure(value) {
  if (!Number.isFinite(value)) return "–";
  return String(Number(value.toPrecision(4)));
}
