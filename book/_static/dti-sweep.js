/* A table over a swept parameter (its corner says "swept: name, unit") gets a slider above it, which marks the
   column of one value in the table and its row in the figure before it. Without this script both stand whole. */
(function () {
  "use strict";
  const SWEPT = "swept: ";

  function figureBefore(table) {
    const all = Array.from(document.querySelectorAll(".dti-figure"));
    return all.filter(function (one) {
      return one.compareDocumentPosition(table) & Node.DOCUMENT_POSITION_FOLLOWING;
    }).pop();
  }

  function markFigure(figure, place, count) {
    const box = figure && figure.querySelector('.dti-plot[data-drawn="yes"]');
    if (!box || !window.Plotly || Number(box.dataset.marked) === place) { return; }
    box.dataset.marked = place;
    const layout = box.layout, ink = getComputedStyle(box).color;
    const kept = (layout.shapes || []).filter(function (shape) { return shape.name !== "chosen"; });
    const marks = Object.keys(layout).filter(function (key) {
      return /^yaxis\d*$/.test(key) && (layout[key].tickvals || []).length === count;
    }).map(function (key) {
      const axis = key.replace("yaxis", ""), middle = layout[key].tickvals[place];
      return {
        type: "rect", name: "chosen", xref: "x" + axis + " domain", yref: "y" + axis, x0: 0, x1: 1,
        y0: middle - 0.46, y1: middle + 0.46, line: { color: ink, width: 2 }, layer: "above"
      };
    });
    window.Plotly.relayout(box, { shapes: kept.concat(marks) });
  }

  function slider(table, corner, number) {
    const heads = Array.from(corner.parentNode.children).slice(1);
    const values = heads.map(function (cell) { return cell.textContent.trim(); });
    const words = corner.textContent.trim().slice(SWEPT.length).split(", ");
    const figure = figureBefore(table);
    const control = document.createElement("div"), label = document.createElement("label");
    const shown = document.createElement("output"), input = document.createElement("input");
    control.className = "dti-slider";
    input.type = "range";
    input.min = 0;
    input.max = values.length - 1;
    input.value = Math.floor((values.length - 1) / 2);
    input.id = "dti-sweep-" + number;
    label.htmlFor = shown.htmlFor = input.id;
    label.append(words[0] + ": ", shown);
    control.append(label, input);
    function choose() {
      const place = Number(input.value), told = [values[place]].concat(words.slice(1)).join(" ");
      shown.textContent = told;
      input.setAttribute("aria-valuetext", told);
      table.querySelectorAll("tr").forEach(function (row) {
        Array.from(row.children).forEach(function (cell, k) {
          cell.classList.toggle("dti-chosen", k === place + 1);
        });
      });
      markFigure(figure, place, values.length);
    }
    input.addEventListener("input", choose);
    corner.textContent = words.join(", ");
    table.classList.add("dti-swept");
    table.before(control);
    choose();
    if (figure) {
      new MutationObserver(choose).observe(figure, { subtree: true, attributeFilter: ["data-drawn"] });
    }
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("table").forEach(function (table, number) {
      const corner = table.querySelector("thead th");
      if (corner && corner.textContent.trim().startsWith(SWEPT)) { slider(table, corner, number); }
    });
  });
})();
