/* How a figure fits its place and takes the colours of the page. Pages use it to draw a figure in the browser,
   and publishing uses it to draw the picture that stands there before: both look alike. */
(function () {
  "use strict";

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
    delete layout.title;
    layout.height = (layout.height || 440) - spared - Math.max(0, (margin.t || 64) - 36);
    layout.margin = Object.assign({}, margin, {
      t: 36, b: (margin.b || 80) - spared, l: narrow ? 44 : margin.l, r: narrow && margin.r < 40 ? 8 : margin.r
    });
    if (narrow) { layout.font = Object.assign({}, layout.font, { size: 12 }); }
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
