// A page without a kernel: opens the data, shows the explorer, and lets people mark and label.

/** The explorer with marks on its tiles and, for the selected group, cards to decide on. */
class PageExplorer extends Explorer {
  /**
   * @param {PageModel} model
   * @param {HTMLElement} root
   * @param {Marks} marks
   */
  constructor(model, root, marks) {
    super(model, root);
    this.page = model;
    this.marks = marks;
    this.cards = new GroupCards(model, marks, this.signal);
    this.details.node.after(this.cards.node);
    this.cards.note.after(this.details.why);
    this.setSelection();
    this.markState();
  }

  setSelection() {
    super.setSelection();
    this.cards?.show(this.model.get("details"));
  }

  markState() {
    super.markState();
    if (this.marks) this.markTiles();
  }

  /** Write the verdict on each tile that is shown. */
  markTiles() {
    for (const tile of all(this.gallery.node, ".dup-tile[data-id]")) {
      const image = this.page.method.images[Number(tile.dataset.id)];
      const verdict = this.marks.verdict(image) ?? this.page.planned(image)?.action;
      if (verdict) tile.dataset.verdict = verdict;
      else delete tile.dataset.verdict;
    }
    for (const title of all(this.gallery.node, '.dup-row[data-group="0"] strong'))
      setText(title, "Not duplicates");
    if (this.page.method.table) setText(this.gallery.empty, "The plan has no groups.");
  }

  onMarks() {
    this.page.judge();
    this.markTiles();
    this.cards.paint();
  }
}

/** The head of the page: its title, what a plan comes to, and why the threshold was chosen. */
function pageHead({ title, headings }) {
  const numbers = (headings.numbers ?? []).map(([value, name]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)),
  );
  const node = element("header", { class: "dup-page-head" }, element("h1", {}, title));
  if (numbers.length) node.append(element("dl", { class: "dup-sums" }, ...numbers));
  for (const [name, entries] of headings.sections ?? [])
    node.append(element("details", {}, element("summary", {}, name), definitions(entries)));
  return node;
}

/** Names and values, which may be names and values again. */
function definitions(value) {
  if (Array.isArray(value))
    return element("ul", {}, ...value.map((inner) => element("li", {}, definitions(inner))));
  if (value === null || typeof value !== "object") return element("span", {}, String(value ?? ""));
  const rows = Object.entries(value).flatMap(([name, inner]) => [
    element("dt", {}, name),
    element("dd", {}, definitions(inner)),
  ]);
  return element("dl", {}, ...rows);
}

/** What was decided so far, and the files to save it in. */
class MarksBar {
  constructor(model, marks, signal) {
    this.model = model;
    this.marks = marks;
    this.text = element("span", { role: "status", "data-testid": "marks" });
    const { names } = model.data;
    this.saveMarks = button(
      "Save marks",
      () => saveText("marks.json", marks.toJson(names, model.state), "application/json"),
      signal,
      { title: 'for choose_keepers(groups, images, keep="marks.json")' },
    );
    this.saveLabels = button(
      "Save labels",
      () => saveText("labels.csv", marks.toLabels(names), "text/csv"),
      signal,
      { title: 'for Labels("labels.csv")' },
    );
    const saveGroups = button(
      "Save groups",
      () => saveText("groups.csv", model.groupsCsv(), "text/csv"),
      signal,
      { title: "the groups at this threshold as a table" },
    );
    this.clear = button("Clear", () => marks.clear(), signal, {
      title: "takes back all marks and labels that were made in this page",
    });
    this.node = element(
      "footer",
      { class: "dup-tool dup-marks-bar" },
      this.text,
      element("div", { class: "dup-bar" }, this.saveMarks, this.saveLabels, saveGroups, this.clear),
    );
    this.paint();
  }

  paint() {
    const { verdicts, answers, given, isEmpty } = this.marks;
    const counts = `${plural(verdicts.size, "mark")}, ${plural(answers.size, "label")}`;
    const came = given.size ? ` ${plural(given.size, "label")} came with this page.` : "";
    const first = `Select a group to mark its images: keep or remove, same or different.${came}`;
    setText(this.text, isEmpty ? first : counts);
    this.saveMarks.disabled = !verdicts.size;
    this.saveLabels.disabled = !answers.size;
    this.clear.disabled = isEmpty;
  }
}

/** The bytes of a text that holds base64, unzipped: the data of the page. */
async function readData(text) {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

async function openPage() {
  const root = document.getElementById("page");
  const data = await readData(document.getElementById("page-data").textContent);
  const texts = document.getElementById("page-pictures").textContent.split(" ");
  const pictures = new PagePictures(texts, data.small, data.large, data.problems);
  const model = new PageModel(data, pictures);
  const { signal } = new AbortController(); // the page ends with its tab
  const marks = new Marks(data.key, data.answers ?? [], () => {
    explorer.onMarks();
    bar.paint();
  });
  model.pairs = new PagePairs(model, marks);
  model.judge();
  const place = element("div", {});
  const bar = new MarksBar(model, marks, signal);
  root.append(pageHead(data), place, bar.node);
  const explorer = new PageExplorer(model, place, marks);
  Object.assign(root, { model }); // for the console, and for tests
  document.body.classList.toggle("dup-fixed", Boolean(model.method.table));
  const warn = (event) => marks.isLost && !marks.isEmpty && event.preventDefault();
  window.addEventListener("beforeunload", warn);
  model.answer();
}

openPage();
