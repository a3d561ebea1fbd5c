// What a page without a kernel answers about pairs: those beside the threshold, one large, labels.
// It cannot align pictures: it lays one on the other as they are.

const COMPARED_SIDE = 560; // pixels asked for
const SAME_SHAPE = 0.03; // widths to heights that differ by less are laid on each other
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
  }

  /** Answer a message, if it is about pairs. */
  answer(message) {
    const { model } = this;
    if (message.type === "pairs") model.say(this.listMessage(message));
    if (message.type === "pair") this.showPair(message);
    if (message.type === "layers") this.sendLayers(message.index);
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

  // -- lists -------------------------------------------------------------------------------------

  listMessage({ of, count }) {
    const { inRange } = this.model.method;
    const parts = inRange ? this.parts(of, count) : [];
    const right = inRange ? this.judged(1).length : 0;
    const wrong = inRange ? this.judged(2).length : 0;
    const answers = this.marks.answers.size;
    return {
      type: "pairs",
      of,
      count,
      parts,
      answers,
      precision: { right, wrong, precision: null },
    };
  }

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
    const found =
      of === "missed" ? this.missed() : this.judged(["unknown", "right", "wrong"].indexOf(of));
    const kind = of === "missed" ? "missed" : "list";
    return [[kind, found.length, found.slice(0, count)]];
  }

  /** The pairs at or above the threshold of which this is known. */
  judged(verdict) {
    const { inRange } = this.model.method;
    const rows = this.rows(0, inRange.countNear(this.model.get("threshold")));
    return rows.filter((row) => row[3] === verdict);
  }

  /** Pairs labelled the same that the threshold does not find. */
  missed() {
    const { inRange } = this.model.method;
    const rows = this.rows(inRange.countNear(this.model.get("threshold")), inRange.first.length);
    return rows.filter((row) => row[3] === 1);
  }

  /** @returns {PairRow[]} */
  rows(from, to) {
    return Array.from({ length: Math.max(0, to - from) }, (_, place) => this.rowOf(from + place));
  }

  /** @returns {PairRow} */
  rowOf(pair) {
    const { first, second, similarity } = this.model.method.inRange;
    const [left, right] = [first[pair], second[pair]];
    const label = this.marks.answer(this.imageOf(left), this.imageOf(right)) ?? "";
    const verdict = label === "same" ? 1 : label === "different" ? 2 : 0;
    return [left, right, Number(similarity[pair].toFixed(2)), verdict, label];
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
