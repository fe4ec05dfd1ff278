/* Filters and sorts the table of claims. Without JavaScript the whole table stays. */
(function () {
  "use strict";
  document.addEventListener("DOMContentLoaded", function () {
    const form = document.querySelector(".dti-filter");
    if (!form) { return; }
    const table = document.querySelector(".dti-claims"), body = table.tBodies[0];
    const rows = Array.from(body.rows), status = form.querySelector("[role=status]");
    const fields = Array.from(form.elements).filter(function (field) { return field.name; });
    const texts = new Map(rows.map(function (row) { return [row, row.textContent.toLowerCase()]; }));

    function matches(row) {
      return fields.every(function (field) {
        const wanted = field.value.trim().toLowerCase();
        if (!wanted) { return true; }
        if (field.type !== "search") { return (row.dataset[field.name] || "").split("|").includes(field.value); }
        return wanted.split(/\s+/).every(function (word) { return texts.get(row).includes(word); });
      });
    }

    function named() { return rows.find(function (row) { return row.id && "#" + row.id === location.hash; }); }

    function remember() {
      const chosen = fields.filter(function (field) { return field.value; })
        .map(function (field) { return [field.name, field.value]; });
      const query = chosen.length ? "?" + new URLSearchParams(chosen) : "";
      try { history.replaceState(null, "", location.pathname + query + location.hash); } catch (error) { /* from disk */ }
    }

    /* The row that the address names is shown whatever the filter says. */
    function apply() {
      const asked = named();
      let found = 0;
      rows.forEach(function (row) {
        const fits = matches(row);
        row.hidden = !fits && row !== asked;
        found += fits ? 1 : 0;
      });
      const extra = asked && !matches(asked) ? " " + asked.id + " is shown because the address names it." : "";
      status.textContent = "Showing " + found + " of " + rows.length + " claims." + extra;
    }

    function goToNamed() {
      apply();
      const row = named();
      if (!row) { return; }
      row.querySelector("td:last-child details").open = true;
      row.scrollIntoView({ block: "start" });
    }

    function key(row, column) {
      if (column === 0) { return rows.indexOf(row); }
      if (column === 4) { return form.elements.verdict.selectedIndexOf[row.dataset.verdict]; }
      return row.cells[column].textContent.trim().toLowerCase();
    }

    function sortBy(head) {
      const up = head.getAttribute("aria-sort") !== "ascending", column = head.cellIndex;
      table.querySelectorAll("th[aria-sort]").forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keyed = rows.map(function (row) { return [key(row, column), row]; });
      keyed.sort(function (one, other) {
        return (one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : 0) * (up ? 1 : -1);
      });
      body.append(...keyed.map(function (pair) { return pair[1]; }));
    }

    form.elements.verdict.selectedIndexOf = Object.fromEntries(
      Array.from(form.elements.verdict.options).map(function (option, place) { return [option.value, place]; })
    );
    Array.from(table.tHead.rows[0].cells).forEach(function (head) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", function () { sortBy(head); });
      head.append(button);
    });
    table.tHead.rows[0].cells[0].setAttribute("aria-sort", "ascending");
    new URLSearchParams(location.search).forEach(function (value, name) {
      const field = fields.find(function (one) { return one.name === name; });
      if (field) { field.value = value; }
    });
    const opener = form.querySelector("[aria-pressed]");
    opener.addEventListener("click", function () {
      const open = opener.getAttribute("aria-pressed") !== "true";
      opener.setAttribute("aria-pressed", String(open));
      body.querySelectorAll("details").forEach(function (one) { one.open = open; });
    });
    form.hidden = false;
    form.addEventListener("input", function () { apply(); remember(); });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("reset", function () { setTimeout(function () { apply(); remember(); }); });
    window.addEventListener("hashchange", goToNamed);
    goToNamed();
  });
})();
