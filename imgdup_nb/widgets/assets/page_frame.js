// What a page made by ipywidgets shows in the place of an explorer: the page without a kernel.

export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = "Duplicate images";
    frame.style.cssText = "width: 100%; height: 900px; border: 0";
    frame.setAttribute("sandbox", "allow-scripts allow-downloads allow-modals");
    frame.srcdoc = model.get("page");
    el.append(frame);
  },
};
