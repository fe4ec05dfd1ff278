/* Figures are drawn when they come near the window, in the colours of the page; verdict words become badges;
   what scrolls inside itself can be reached with the keyboard. */
(function () {
  "use strict";
  const base = new URL(".", document.currentScript.src).href;
  let library = null;

  /* Only equations of the prose are typeset, and none of their commands loads a script or makes a link. */
  window.MathJax = {
    options: { ignoreHtmlClass: ".*", processHtmlClass: "math" },
    tex: { packages: { "[-]": ["autoload", "html", "require"] } }
  };

  function loadPlotly() {
    library = library || new Promise(function (resolve, reject) {
      const script = document.createElement("script");
      script.src = base + "plotly.min.js";
      script.onload = function () { resolve(window.Plotly); };
      script.onerror = reject;
      document.head.appendChild(script);
    });
    return library;
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function themed(layout) {
    const ink = colour("--pst-color-text-base"), muted = colour("--dti-muted"), grid = colour("--dti-grid");
    const changes = {
      "font.color": ink, "legend.font.color": ink, "hoverlabel.bgcolor": colour("--pst-color-surface"),
      "hoverlabel.font.color": ink, "hoverlabel.bordercolor": muted
    };
    Object.keys(layout).concat("xaxis", "yaxis").filter(function (key) { return /^[xy]axis\d*$/.test(key); })
      .forEach(function (axis) {
        changes[axis + ".gridcolor"] = grid;
        changes[axis + ".zerolinecolor"] = muted;
        changes[axis + ".linecolor"] = muted;
        changes[axis + ".tickcolor"] = muted;
      });
    (layout.annotations || []).forEach(function (note, i) {
      const given = ((note.font || {}).color || "").toLowerCase();
      if (!given || given === "#808080") { changes["annotations[" + i + "].font.color"] = given ? muted : ink; }
    });
    return changes;
  }

  function assign(target, changes) {
    Object.keys(changes).forEach(function (path) {
      const keys = path.replace(/\[(\d+)\]/g, ".$1").split(".");
      let place = target;
      keys.slice(0, -1).forEach(function (key) { place = place[key] = place[key] || {}; });
      place[keys[keys.length - 1]] = changes[path];
    });
    return target;
  }

  function hasLegend(spec) {
    const named = spec.data.filter(function (trace) { return trace.showlegend !== false; });
    return spec.layout.showlegend !== false && (named.length > 1 || spec.layout.showlegend === true);
  }

  /* The title stands above the drawing, so its room goes; without a legend so does the room below. */
  function fit(spec, narrow) {
    const layout = spec.layout, margin = layout.margin || {};
    const spared = hasLegend(spec) ? 0 : Math.max(0, (margin.b || 80) - 60);
    layout.autosize = true;
    delete layout.width;
    layout.height = (layout.height || 440) - spared - Math.max(0, (margin.t || 64) - 36);
    layout.margin = Object.assign({}, margin, {
      t: 36, b: (margin.b || 80) - spared, l: narrow ? 44 : margin.l, r: narrow && margin.r < 40 ? 8 : margin.r
    });
    if (narrow) { layout.font = Object.assign({}, layout.font, { size: 12 }); }
    return layout;
  }

  function nameControls(box) {
    box.querySelectorAll(".modebar-btn").forEach(function (button) {
      button.setAttribute("role", "button");
      button.setAttribute("aria-label", button.getAttribute("data-title") || "figure control");
    });
  }

  function saveButton(spec) {
    return {
      name: "Download as picture",
      icon: window.Plotly.Icons.camera,
      click: function (box) {
        const layout = Object.assign({}, box.layout, {
          title: { text: spec.title, x: 0, xanchor: "left" }, paper_bgcolor: colour("--pst-color-background")
        });
        layout.margin = Object.assign({}, box.layout.margin, { t: 72 });
        window.Plotly.downloadImage({ data: box.data, layout: layout }, { format: "png", width: 1000, height: 560, filename: "figure" });
      }
    };
  }

  function draw(figure) {
    const box = figure.querySelector(".dti-plot");
    if (box.dataset.drawn) { return; }
    box.dataset.drawn = "asked";
    const spec = JSON.parse(figure.querySelector(".dti-plot-data").textContent);
    loadPlotly().then(function (Plotly) {
      const layout = assign(fit(spec, box.clientWidth < 520), themed(spec.layout));
      const options = {
        responsive: true, displaylogo: false, scrollZoom: false, typesetMath: false,
        modeBarButtonsToAdd: [saveButton(spec)],
        modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d"]
      };
      return Plotly.newPlot(box, { data: spec.data, layout: layout, frames: spec.frames, config: options });
    }).then(function () {
      nameControls(box);
      box.dataset.drawn = "yes";
    }).catch(function () {
      box.textContent = "This figure could not be drawn. " + figure.querySelector(".dti-figure-alt").textContent;
      box.dataset.drawn = "failed";
    });
  }

  function recolour() {
    document.querySelectorAll('.dti-plot[data-drawn="yes"]').forEach(function (box) {
      window.Plotly.relayout(box, themed(box.layout)).then(function () { nameControls(box); });
    });
  }

  function scrollableByKeyboard() {
    const places = ".dti-scroll, .cell_output .text_html, .pst-scrollable-table-container, mjx-container[display='true'], pre";
    document.querySelectorAll(places).forEach(function (box) {
      if (box.scrollWidth > box.clientWidth + 1) { box.setAttribute("tabindex", "0"); }
    });
  }

  function badgeVerdicts() {
    const words = ["supported", "refuted", "inconclusive", "not testable", "not yet tested"];
    document.querySelectorAll(".pasted-text").forEach(function (text) {
      const word = text.textContent.trim();
      if (words.includes(word)) { text.classList.add("dti-badge", "dti-" + word.replaceAll(" ", "-")); }
    });
    document.querySelectorAll("table.verdicts td[class^=verdict-]").forEach(function (cell) {
      const badge = document.createElement("span");
      badge.className = "dti-badge " + cell.className.replace("verdict-", "dti-");
      badge.append(...cell.childNodes);
      cell.replaceChildren(badge);
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    badgeVerdicts();
    document.querySelectorAll("[data-dti-print]").forEach(function (button) {
      button.addEventListener("click", function () { window.print(); });
    });
    const figures = Array.from(document.querySelectorAll(".dti-figure"));
    if (figures.length) {
      const watch = new IntersectionObserver(function (entries) {
        entries.filter(function (entry) { return entry.isIntersecting; }).forEach(function (entry) {
          watch.unobserve(entry.target);
          draw(entry.target);
        });
      }, { rootMargin: "600px" });
      figures.forEach(function (figure) { watch.observe(figure); });
      window.addEventListener("beforeprint", function () { figures.forEach(draw); });
    }
    new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    scrollableByKeyboard();
    window.addEventListener("load", function () { setTimeout(scrollableByKeyboard, 400); });
  });
})();
