// The points of a map as the server sends them: numbers that are read where they lie.

const text = new TextDecoder();

async function bytes(address) {
  const response = await fetch(address, { redirect: "error" });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.arrayBuffer();
}

// The sum of what is read so far moves on; the parts stand in the order of `encoded` in Python.
class Reader {
  constructor(buffer, magic) {
    this.buffer = buffer;
    this.at = 4;
    if (text.decode(new Uint8Array(buffer, 0, 4)) !== magic) throw new Error("These are no points.");
  }

  counts(many) {
    const view = new DataView(this.buffer, this.at, 4 * many);
    this.at += 4 * many;
    return Array.from({ length: many }, (_, place) => view.getUint32(4 * place, true));
  }

  numbers(Kind, many) {
    const made = new Kind(this.buffer.slice(this.at, this.at + many * Kind.BYTES_PER_ELEMENT));
    this.at += many * Kind.BYTES_PER_ELEMENT;
    return made;
  }

  json(size) {
    return JSON.parse(text.decode(new Uint8Array(this.buffer, this.at, size)));
  }
}

// All points in one line: the healthy rows first, then the samples. `healthy` says how many.
export async function loadPoints(address) {
  const read = new Reader(await bytes(address), "LMAP");
  const [version, healthy, samples, tail] = read.counts(4);
  if (version !== 1) throw new Error("The page is older than the server. Load it again.");
  const [hx, hy] = [read.numbers(Float32Array, healthy), read.numbers(Float32Array, healthy)];
  const [sx, sy] = [read.numbers(Float32Array, samples), read.numbers(Float32Array, samples)];
  const score = read.numbers(Float32Array, samples);
  const p = read.numbers(Float32Array, samples);
  const order = read.numbers(Int32Array, samples);
  const severity = read.numbers(Uint8Array, samples);
  const offMap = read.numbers(Uint8Array, samples);
  const { region, core, batches } = read.json(tail);
  const joined = (one, other) => {
    const made = new Float32Array(healthy + samples);
    made.set(one);
    made.set(other, healthy);
    return made;
  };
  return {
    healthy,
    samples,
    total: healthy + samples,
    x: joined(hx, sx),
    y: joined(hy, sy),
    score,
    p,
    order,
    severity,
    offMap,
    region,
    core,
    batches,
  };
}

// What the points are coloured by: a number for each, and words or a range.
export async function loadColumn(address, name) {
  const read = new Reader(await bytes(`${address}?name=${encodeURIComponent(name)}`), "LCOL");
  const [kind, many, tail] = read.counts(3);
  const values = read.numbers(Float32Array, many);
  return { values, ...read.json(tail), isWords: kind === 1 };
}

export function fileOf(points, place) {
  const batch = points.batches.findLast((one) => one.first <= place);
  return batch?.file ?? "";
}
