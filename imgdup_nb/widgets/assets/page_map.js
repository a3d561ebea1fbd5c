// What Python answers about the map, answered in the page: positions come with the page.

const PLACE_STEPS = 65535; // positions travel as whole numbers up to this one

/** @param {PageModel} model */
function sendMap(model) {
  const { by, places } = model.method.data.map;
  const known = (step) => (step === null ? Number.NaN : (2 * step) / PLACE_STEPS - 1);
  const { buffer } = Float32Array.from(places, known);
  model.say({ type: "map", of: model.state.method, by }, [new DataView(buffer)]);
}

/** @param {PageModel} model */
function sendJoined(model) {
  const { method, state, table } = model;
  const lines = state.linkage === "connected" ? chainLines(method.inRange, state.threshold) : [];
  const parts = [table.image, table.size, lines];
  const buffers = parts.map((part) => new DataView(Uint32Array.from(part).buffer));
  model.say({ type: "joined", of: state.method }, buffers);
}

/**
 * The fewest pairs that connect what all pairs from the threshold up connect.
 * @param {PairArrays} pairs
 * @param {number} threshold
 */
function chainLines(pairs, threshold) {
  const above = Int32Array.from({ length: pairs.n }, (_, image) => image);
  const root = (image) => {
    while (above[image] !== image) image = above[image] = above[above[image]];
    return image;
  };
  const lines = [];
  const join = (one, other) => {
    const [a, b] = [root(one), root(other)];
    if (a === b) return;
    above[Math.max(a, b)] = Math.min(a, b);
    lines.push(one, other);
  };
  pairs.like?.forEach((image, copy) => join(image, copy));
  const nNear = pairs.countNear(threshold);
  for (let pair = 0; pair < nNear; pair++) join(pairs.first[pair], pairs.second[pair]);
  return lines;
}
