/* Figures become interactive when a reader turns to them, in the colours of the page; verdict words become badges;
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
    return dtiFit.themed(layout, colour("--pst-color-text-base"), colour("--dti-muted"), colour("--dti-grid"),
      colour("--pst-color-surface"));
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
    const box = figure.querySelector(".dti-plot"), button = figure.querySelector(".dti-explore");
    if (box.dataset.drawn) { return; }
    box.dataset.drawn = "asked";
    if (button) { button.textContent = "Loading…"; }
    const spec = JSON.parse(figure.querySelector(".dti-plot-data").textContent);
    const focused = button && document.activeElement === button;
    const picture = Array.from(figure.querySelectorAll(".dti-picture")).find(function (one) { return one.offsetHeight; });
    loadPlotly().then(function (Plotly) {
      const height = picture && picture.offsetHeight;  // nothing below moves when the drawing takes its place
      figure.classList.add("dti-drawn");
      const layout = dtiFit.fit(spec, box.clientWidth < 520);
      dtiFit.assign(layout, themed(layout));
      if (height) { layout.height = height; }
      const options = {
        responsive: true, displaylogo: false, scrollZoom: false, typesetMath: false,
        modeBarButtonsToAdd: [saveButton(spec)],
        modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d"]
      };
      return Plotly.newPlot(box, { data: spec.data, layout: layout, frames: spec.frames, config: options });
    }).then(function () {
      nameControls(box);
      if (button) { button.hidden = true; }
      if (focused) { box.tabIndex = -1; box.focus({ preventScroll: true }); }
      box.dataset.drawn = "yes";
    }).catch(function () {
      box.textContent = "This figure could not be drawn. " + figure.querySelector(".dti-figure-alt").textContent;
      box.dataset.drawn = "failed";
    });
  }

  /* A figure with a picture is drawn when a reader turns to it: a mouse that moves on it, or its button. */
  function drawOnInterest(figure) {
    let waiting = null;
    figure.querySelector(".dti-explore").addEventListener("click", function () { draw(figure); });
    figure.querySelectorAll(".dti-picture").forEach(function (picture) {
      picture.addEventListener("click", function () { draw(figure); });
      picture.addEventListener("pointermove", function (event) {
        if (event.pointerType !== "mouse" || waiting || !(event.movementX || event.movementY)) { return; }
        waiting = setTimeout(function () { draw(figure); }, 250);
      });
      picture.addEventListener("pointerleave", function () { clearTimeout(waiting); waiting = null; });
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
  }

  document.addEventListener("DOMContentLoaded", function () {
    badgeVerdicts();
    document.addEventListener("dti-changed", badgeVerdicts);
    document.querySelectorAll("[data-dti-print]").forEach(function (button) {
      button.addEventListener("click", function () { window.print(); });
    });
    const figures = Array.from(document.querySelectorAll(".dti-figure"));
    const bare = figures.filter(function (figure) { return !figure.querySelector(".dti-picture"); });
    figures.filter(function (figure) { return !bare.includes(figure); }).forEach(drawOnInterest);
    if (bare.length) {
      const watch = new IntersectionObserver(function (entries) {
        entries.filter(function (entry) { return entry.isIntersecting; }).forEach(function (entry) {
          watch.unobserve(entry.target);
          draw(entry.target);
        });
      }, { rootMargin: "600px" });
      bare.forEach(function (figure) { watch.observe(figure); });
    }
    new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    scrollableByKeyboard();
    window.addEventListener("load", function () { setTimeout(scrollableByKeyboard, 400); });
  });
})();
