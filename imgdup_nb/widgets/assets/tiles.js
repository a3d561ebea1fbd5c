// One image of a group in the reviewer: its picture, its verdict, and what is known of the file.

const FRAME_SIDE = 320; // pixels asked for; a frame is about 190 high, twice that on dense screens

class ImageTile {
  /**
   * @param {PlanImage} image
   * @param {number} index - its place in the group
   * @param {string} prefix - of element ids
   */
  constructor(image, index, prefix) {
    this.image = image;
    this.img = element("img", { alt: "", draggable: "false" });
    this.missing = element("span", { class: "dup-missing" });
    this.frame = element("div", { class: "dup-frame" }, this.img, this.missing);
    this.badge = element("span", { class: "dup-badge" });
    this.similarity = element("span", { class: "dup-quiet" });
    this.values = image.facts.map(([, text]) => element("dd", {}, text));
    this.reason = element("p", { class: "dup-reason" });
    this.loses = element("p", { class: "dup-loses", hidden: "" });
    this.node = element(
      "div",
      { role: "option", class: "dup-tile", id: `${prefix}-${image.id}`, "data-index": index },
      this.frame,
      element("div", { class: "dup-verdict" }, this.badge, this.similarity),
      element("div", { class: "dup-name" }, nameNode(image.name, 44)),
      this.loses,
      this.factsNode(),
    );
    if (image.flag) this.node.append(element("p", { class: "dup-flag" }, image.flag));
    this.node.append(this.reason);
  }

  factsNode() {
    const rows = this.image.facts.map(([label], place) => [
      element("dt", {}, label),
      this.values[place],
    ]);
    return element("dl", {}, ...rows.flat());
  }

  /**
   * @param {{ verdict: Verdict, part: number, isOwn: boolean, keeper?: PlanImage,
   *   first: PlanImage, marked: string[] }} state - marked are labels of facts
   */
  paint({ verdict, part, isOwn, keeper, first, marked }) {
    const { image, node } = this;
    node.dataset.verdict = verdict;
    node.dataset.part = String(part);
    node.setAttribute("aria-selected", String(verdict !== "remove"));
    this.badge.textContent = `${VERDICTS[verdict]}${part ? ` (part ${part + 1})` : ""}`;
    this.similarity.textContent = this.similarityText(keeper, first);
    this.reason.textContent = isOwn ? "your decision" : image.reason;
    this.loses.hidden = !image.loses;
    const losing = verdict === "remove" ? "loses" : "only here";
    this.loses.textContent = image.loses && `${losing}: ${image.loses}`;
    for (const [place, [label]] of image.facts.entries()) {
      this.values[place].classList.toggle("dup-differs", marked.includes(label));
    }
    const facts = image.facts.map(([, text]) => text).join(", ");
    const words = [
      image.name,
      this.badge.textContent.slice(2),
      facts,
      this.loses.textContent,
      image.flag,
    ];
    setAttribute(node, "aria-label", words.filter(Boolean).join(", "));
  }

  /** How similar the image is, and to which other: a decision may have made another keeper. */
  similarityText(keeper, first) {
    const { image } = this;
    if (image === keeper) return "keeper";
    if (keeper?.digest && keeper.digest === image.digest) return "same bytes";
    const reference = image.keeper || first.name;
    if (image.similarity === null || reference === image.name) return "";
    const whom = reference === keeper?.name ? "keeper" : shortName(baseName(reference), 16);
    return `${percentText(image.similarity)} to ${whom}`;
  }

  /**
   * @param {Picture | undefined} picture
   * @param {string} transform
   */
  show(picture, transform) {
    const url = picture?.url;
    if (url && this.img.getAttribute("src") !== url) this.img.src = url;
    this.img.hidden = !url;
    this.img.style.transform = transform;
    this.missing.textContent = url ? "" : (picture?.problem ?? "");
  }
}

/**
 * The labels of the facts in which an image holds more than its keeper: a larger picture, more
 * metadata. Only these matter, so only these are marked.
 * @param {PlanImage} image
 * @param {PlanImage | undefined} keeper
 */
function holdsMore(image, keeper) {
  const value = (label) => keeper?.facts.find(([name]) => name === label)?.[2] ?? null;
  const more = image.facts.filter(([label, , own]) => own > (value(label) ?? Infinity));
  return more.map(([label]) => label);
}
