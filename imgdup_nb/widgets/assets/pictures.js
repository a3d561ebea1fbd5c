// Names and thumbnails, asked for when they are seen, a few at a time, and the last ones kept.

const PICTURES_AT_ONCE = 12; // so that a move of the threshold never waits long behind decoders
const PICTURES_KEPT = 800;

class Pictures {
  constructor(send, onChange) {
    this.send = send;
    this.onChange = onChange;
    this.known = new Map();
    this.wanted = { gallery: [], details: [] };
    this.isAsking = false;
  }

  get(id) {
    return this.known.get(id);
  }

  /** Say what is on the screen now; what was wanted before and is gone is not asked for any more. */
  want(place, ids) {
    this.wanted[place] = ids;
    this.ask();
  }

  allWanted() {
    return [...this.wanted.gallery, ...this.wanted.details];
  }

  ask() {
    const missing = this.allWanted().filter((id) => !this.known.has(id));
    const ids = [...new Set(missing)].slice(0, PICTURES_AT_ONCE);
    if (this.isAsking || !ids.length) return;
    this.isAsking = true;
    this.send({ type: "pictures", ids, side: Math.round(96 * Math.min(window.devicePixelRatio || 1, 3)) });
  }

  take({ pictures }, buffers) {
    pictures.forEach(([id, name, facts, problem], place) => this.keep(id, { name, facts, problem }, buffers[place]));
    this.isAsking = false;
    this.onChange(pictures.map(([id]) => id));
    this.ask();
  }

  keep(id, picture, jpeg) {
    this.forget(id);
    if (jpeg?.byteLength) picture.url = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
    this.known.set(id, picture);
    const isSeen = new Set(this.allWanted());
    for (const old of this.known.keys()) {
      if (this.known.size <= PICTURES_KEPT) break;
      if (!isSeen.has(old)) this.forget(old);
    }
  }

  forget(id) {
    const picture = this.known.get(id);
    if (picture?.url) URL.revokeObjectURL(picture.url);
    this.known.delete(id);
  }

  clear() {
    for (const id of [...this.known.keys()]) this.forget(id);
    this.isAsking = false;
  }
}
