/* Filters the table of claims. Without JavaScript the whole table stays. */
(function () {
  "use strict";
  document.addEventListener("DOMContentLoaded", function () {
    const form = document.querySelector(".dti-filter");
    if (!form) { return; }
    const rows = Array.from(document.querySelectorAll(".dti-claims tbody tr"));
    const status = form.querySelector("[role=status]");
    const fields = Array.from(form.elements).filter(function (field) { return field.name; });

    function matches(row) {
      return fields.every(function (field) {
        const wanted = field.value.trim().toLowerCase();
        if (!wanted) { return true; }
        if (field.type === "search") { return row.textContent.toLowerCase().includes(wanted); }
        return (row.dataset[field.name] || "").split("|").includes(field.value);
      });
    }

    function apply() {
      let shown = 0;
      rows.forEach(function (row) { row.hidden = !matches(row); shown += row.hidden ? 0 : 1; });
      status.textContent = "Showing " + shown + " of " + rows.length + " claims.";
      const chosen = fields.filter(function (field) { return field.value; })
        .map(function (field) { return [field.name, field.value]; });
      history.replaceState(null, "", (chosen.length ? "?" + new URLSearchParams(chosen) : location.pathname) + location.hash);
    }

    new URLSearchParams(location.search).forEach(function (value, name) {
      const field = fields.find(function (one) { return one.name === name; });
      if (field) { field.value = value; }
    });
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("reset", function () { setTimeout(apply); });
    apply();
  });
})();
