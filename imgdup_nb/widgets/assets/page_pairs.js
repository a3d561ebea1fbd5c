// What a page without a kernel answers about pairs: those beside the threshold, one large, labels.
// It cannot align pictures: it shows one above the other as they are.

const COMPARED_SIDE = 560; // pixels asked for
const SAME_SHAPE = 0.03; // widths to heights that differ by less: one is shown above the other
const AS_THEY_ARE =
  "Both pictures as they are in this page. PairViewer, in Python, aligns them and shows the rest.";

class PagePairs {
  /**
   * @param {PageModel} model
   * @param {Marks} marks
   */
  constructor(model, marks) {
    this.model = model;
    this.marks = marks;
    this.listed = new Map(); // PairArrays -> which pairs it lists
  }

  /** Answer a message, if it is about pairs. */
  answer(message) {
    const { model } = this;
    if (message.type === "pairs") model.say(this.listMessage(message));
    if (message.type === "pair") this.showPair(message);
    if (message.type === "layers") this.sendLayers(message.index);
    if (message.type === "why") model.say(this.whyMessage(message.image));
    if (message.type === "verify") model.say({ type: "verified", asked: 0, confirmed: 0 });
    if (message.type === "undo") this.marks.undoLabel();
    if (message.type === "label") {
      const [left, right] = [message.left, message.right].map((id) => this.imageOf(id));
      this.marks.setLabel(left, right, message.label);
    }
  }

  imageOf(id) {
    return this.model.method.images[id];
  }

  /** Which pairs connect an image of the selected group with its original. */
  whyMessage(image) {
    const { table, method, selected, state } = this.model;
    const group = table.group[table.image.indexOf(selected)];
    const members = table.rows(group).map((row) => table.image[row]);
    const steps = strongestChain(method.inRange, state.threshold, members, members[0], image);
    return { type: "why", image, steps };
  }

  // -- what is known -----------------------------------------------------------------------------

  get known() {
    return this.model.method.data.known;
  }

  get isByTruth() {
    return this.known.verdicts !== undefined;
  }

  /** Whether a pair is right (1), wrong (2) or unknown (0), by truth or by the answers. */
  verdictOf(pair) {
    const { inRange } = this.model.method;
    return this.verdictAt(inRange, pair, inRange.place ? inRange.place[pair] : pair);
  }

  /** The same; `place` is where the pair stands among all pairs of the method. */
  verdictAt({ first, second }, pair, place) {
    if (this.isByTruth) return Number(this.known.verdicts[place]);
    if (!this.marks.answers.size) return 0;
    const label = this.marks.answer(this.imageOf(first[pair]), this.imageOf(second[pair]));
    if (label === "same") return 1;
    if (label === "different") return 2;
    return Number(this.certain.has(place));
  }

  /** Pairs of the same bytes or pixels. */
  get certain() {
    this.known.certainSet ??= new Set(this.known.certain);
    return this.known.certainSet;
  }

  /** Right, wrong and unknown pairs at each level, and all that are right. */
  judgedCounts() {
    const { inRange, pairs, scene } = this.model.method;
    if (!this.isByTruth && !this.marks.answers.size) return {};
    const counts = ["unknown", "right", "wrong"].map(() => scene.levels.map(() => 0));
    let pair = 0;
    scene.levels.forEach((level, place) => {
      for (const end = inRange.countNear(level); pair < end; pair++)
        counts[this.verdictOf(pair)][place]++;
    });
    let right = this.known.n_below ?? this.answeredBelow().length;
    for (let place = 0; place < pairs.first.length; place++)
      right += Number(this.verdictAt(pairs, place, place) === 1);
    const [unknown, wrong] = [counts[0], counts[2]];
    return { unknown, right: counts[1], wrong, all_right: right, by_truth: this.isByTruth };
  }

  /** Pairs that were answered "same" and that the method did not list. */
  answeredBelow() {
    const { pairs, numbers } = this.model.method;
    const key = (left, right) => Math.min(left, right) * pairs.n + Math.max(left, right);
    let listed = this.listed.get(pairs);
    if (!listed) {
      listed = new Set(Array.from(pairs.first, (left, pair) => key(left, pairs.second[pair])));
      this.listed.set(pairs, listed);
    }
    return [...this.marks.answers.values()]
      .filter(([, , label]) => label === "same")
      .map(([left, right]) => [numbers.get(left), numbers.get(right)])
      .filter(([left, right]) => left !== undefined && right !== undefined)
      .filter(([left, right]) => !listed.has(key(left, right)));
  }

  // -- lists -------------------------------------------------------------------------------------

  listMessage({ of, count }) {
    const { model } = this;
    const { inRange } = model.method;
    const parts = inRange ? this.parts(of, count) : [];
    const [right, wrong] = [1, 2].map((verdict) => (inRange ? this.judged(verdict).length : 0));
    const precision = this.isByTruth && right + wrong ? right / (right + wrong) : null;
    const answers = this.marks.answers.size;
    const isKnown = this.isByTruth || right + wrong > 0;
    const known = isKnown ? { right, wrong, precision } : { threshold: model.get("threshold") };
    return { type: "pairs", of, count, parts, answers, precision: known };
  }

  /** Lists of pairs; beside the threshold those come first that are nearest to it. */
  parts(of, count) {
    const { inRange, scene } = this.model.method;
    const nNear = inRange.countNear(this.model.get("threshold"));
    const all = inRange.first.length;
    const rows = (from, to) => this.rows(from, to);
    if (of === "border") {
      const below = Math.min(all, nNear + count);
      return [
        ["above", nNear, rows(Math.max(0, nNear - count), nNear)],
        ["below", all - nNear, rows(nNear, below)],
      ];
    }
    if (typeof of === "number") {
      const from = of ? inRange.countNear(scene.levels[of - 1]) : 0;
      const to = inRange.countNear(scene.levels[of]);
      return [["list", to - from, rows(from, Math.min(to, from + count))]];
    }
    if (of === "missed") return [this.missedPart(nNear, count)];
    const verdict = ["unknown", "right", "wrong"].indexOf(of);
    const found = this.judged(verdict);
    if (of !== "wrong") found.reverse(); // those nearest to the threshold first, as in Python
    return [["list", found.length, found.slice(0, count).map((pair) => this.rowOf(pair))]];
  }

  /** The pairs at or above the threshold of which this is known, from the strongest one on. */
  judged(verdict) {
    const { inRange } = this.model.method;
    const nNear = inRange.countNear(this.model.get("threshold"));
    const places = Array.from({ length: nNear }, (_, pair) => pair);
    return places.filter((pair) => this.verdictOf(pair) === verdict);
  }

  /** Right pairs that the threshold does not find, also those that the method did not list. */
  missedPart(nNear, count) {
    const { inRange, pairs } = this.model.method;
    const found = new Set(inRange.place ? inRange.place.slice(0, nNear) : []);
    const isFound = (place) => (inRange.place ? found.has(place) : place < nNear);
    const places = Array.from({ length: pairs.first.length }, (_, place) => place).filter(
      (place) => !isFound(place) && this.verdictAt(pairs, place, place) === 1,
    );
    const listed = places.slice(0, count).map((place) => this.rowOf(place, pairs, 1));
    const below = (this.known.below ?? this.answeredBelow()).map(([left, right]) => [
      left,
      right,
      null,
      1,
      this.marks.answer(this.imageOf(left), this.imageOf(right)) ?? "",
    ]);
    const total = places.length + (this.known.n_below ?? below.length);
    return ["missed", total, [...listed, ...below].slice(0, count)];
  }

  /** @returns {PairRow[]} */
  rows(from, to) {
    return Array.from({ length: Math.max(0, to - from) }, (_, place) => this.rowOf(from + place));
  }

  /** @returns {PairRow} */
  rowOf(pair, pairs = this.model.method.inRange, verdict = this.verdictOf(pair)) {
    const [left, right] = [pairs.first[pair], pairs.second[pair]];
    const label = this.marks.answer(this.imageOf(left), this.imageOf(right)) ?? "";
    return [left, right, Number(pairs.similarity[pair].toFixed(2)), verdict, label];
  }

  // -- one pair ----------------------------------------------------------------------------------

  async showPair({ left, right, similarity, index, total }) {
    const { model } = this;
    const images = [left, right].map((id) => this.imageOf(id));
    const found = images.map((image) => model.pictures.get(image, COMPARED_SIDE));
    const read = ({ bytes }) => (bytes.length ? createImageBitmap(new Blob([bytes])) : null);
    const bitmaps = await Promise.all(found.map(read));
    const shapes = bitmaps.map((bitmap) => (bitmap ? bitmap.width / bitmap.height : Number.NaN));
    const aligned = Math.abs(shapes[0] / shapes[1] - 1) < SAME_SHAPE;
    this.pair = { index, aligned, found, bitmaps };
    const view = {
      index,
      total,
      names: images.map((image) => model.data.names[image]),
      facts: images.map((image) => model.data.facts[image]),
      found: similarity === null ? [] : [similarity, model.get("method")],
      sentence: AS_THEY_ARE,
      problem: "",
      alone: found.map(({ problem }) => problem),
      aligned,
      scores: [],
    };
    model.say({ type: "pair", view });
  }

  async sendLayers(index) {
    if (this.pair?.index !== index) return;
    const { aligned, found, bitmaps } = this.pair;
    const sizes = bitmaps.map((bitmap) => (bitmap ? [bitmap.width, bitmap.height] : [3, 2]));
    const pictures = found.map(({ bytes }) => bytes);
    if (aligned) pictures.push(pictures[0], await difference(bitmaps));
    const buffers = pictures.map((bytes) => new DataView(bytes.buffer));
    this.model.say({ type: "layers", index, sizes, areas: [], agree: [], differ: [] }, buffers);
  }
}

/**
 * How two pictures of one shape differ, as bytes of a picture: black where they do not.
 * @param {ImageBitmap[]} bitmaps
 */
async function difference([left, right]) {
  const canvas = new OffscreenCanvas(right.width, right.height);
  const context = canvas.getContext("2d");
  context.drawImage(right, 0, 0);
  context.globalCompositeOperation = "difference";
  context.drawImage(left, 0, 0, right.width, right.height);
  const blob = await canvas.convertToBlob();
  return new Uint8Array(await blob.arrayBuffer());
}
