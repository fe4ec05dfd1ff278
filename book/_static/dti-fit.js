/* How a figure fits its place and takes the colours of the page. Pages use it to draw a figure in the browser,
   and publishing uses it to draw the picture that stands there before: both look alike. */
(function () {
  "use strict";

  function hasLegend(spec) {
    const named = spec.data.filter(function (trace) { return trace.showlegend !== false; });
    return spec.layout.showlegend !== false && (named.length > 1 || spec.layout.showlegend === true);
  }

  /* A text in lines of at most so many letters, for plotly. */
  function wrapped(text, most) {
    return text.split(" ").reduce(function (lines, word) {
      const last = lines[lines.length - 1];
      if (last && (last + " " + word).length > most) { lines.push(word); }
      else { lines[lines.length - 1] = (last + " " + word).trim(); }
      return lines;
    }, [""]).join("<br>");
  }

  /* Numbers in the cells of a heat map, small enough for the cells: plotly would let them overlap. */
  function fitCells(spec, width) {
    const letters = function (text) { return String(text).replace(/<[^>]*>/g, "").length; };
    spec.data.filter(function (trace) { return trace.type === "heatmap" && trace.text; }).forEach(function (trace) {
      const labels = Math.max.apply(null, trace.y.map(letters));
      const lines = [].concat.apply([], trace.text).join("<br>").split(/<br>/);
      const room = (width - 6.6 * labels - 24) / trace.x.length - 3;
      const size = Math.floor(room / (0.6 * Math.max.apply(null, lines.map(letters))));
      trace.textfont = Object.assign({}, trace.textfont, { size: Math.max(7, Math.min(13, size)) });
    });
  }

  /* On a phone: smaller text, and axis titles in lines. */
  function narrowed(spec) {
    const layout = spec.layout;
    layout.font = Object.assign({}, layout.font, { size: 12 });
    Object.keys(layout).filter(function (key) { return /^[xy]axis\d*$/.test(key); }).forEach(function (key) {
      const title = (layout[key] || {}).title;
      if (title && title.text) {
        layout[key].title = { text: wrapped(title.text, key[0] === "x" ? 30 : 34), font: { size: 12 } };
      }
    });
  }

  /* The title stands above the drawing, so its room goes; without a legend so does the room below. */
  function fit(spec, narrow) {
    const layout = spec.layout, margin = layout.margin || {};
    const spared = hasLegend(spec) ? 0 : Math.max(0, (margin.b || 80) - 60);
    layout.autosize = true;
    delete layout.width;
    delete layout.title;
    layout.height = (layout.height || 440) - spared - Math.max(0, (margin.t || 64) - 36);
    layout.margin = Object.assign({}, margin, {
      t: 36, b: (margin.b || 80) - spared, l: narrow ? 44 : margin.l, r: narrow && margin.r < 40 ? 8 : margin.r
    });
    if (hasLegend(spec) && (layout.legend || {}).orientation === "h") {
      layout.legend = Object.assign({}, layout.legend, { yref: "container", y: 0, yanchor: "bottom" });
    }
    if (narrow) { narrowed(spec); }
    fitCells(spec, narrow ? 340 : 660);
    return layout;
  }

  /* Changes of a layout: path -> value, for text in `ink`, lines and lesser text in `muted`, a `grid`. */
  function themed(layout, ink, muted, grid, surface) {
    const changes = {
      "font.color": ink, "legend.font.color": ink, "hoverlabel.bgcolor": surface,
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

  window.dtiFit = { fit: fit, themed: themed, assign: assign };
})();
