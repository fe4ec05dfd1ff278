/* Moves the arrows of the loop. With M[i][j] = d ln(i) / d ln(j), a technology t, b the arrows out of it, c those
   into it and A the rest, the return ratio is L = c (I - A)^-1 b. Without this script the page shows the middles. */
(function () {
  "use strict";

  /* Elasticities, ends in rows and starts in columns. */
  function matrix(loop, sizes) {
    const place = new Map(loop.nodes.map(function (node, k) { return [node.name, k]; }));
    const found = loop.nodes.map(function () { return new Array(loop.nodes.length).fill(0); });
    loop.arrows.forEach(function (arrow, k) { found[place.get(arrow.end)][place.get(arrow.start)] = sizes[k]; });
    return found;
  }

  /* x of A x = b, by Gaussian elimination with the largest pivot of each column. */
  function solve(given, right) {
    const n = right.length, rows = given.map(function (row, k) { return row.concat(right[k]); });
    for (let k = 0; k < n; k += 1) {
      let best = k;
      for (let i = k + 1; i < n; i += 1) { if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) { best = i; } }
      [rows[k], rows[best]] = [rows[best], rows[k]];
      for (let i = k + 1; i < n; i += 1) {
        const share = rows[i][k] / rows[k][k];
        for (let j = k; j <= n; j += 1) { rows[i][j] -= share * rows[k][j]; }
      }
    }
    const x = new Array(n).fill(0);
    for (let k = n - 1; k >= 0; k -= 1) {
      let sum = rows[k][n];
      for (let j = k + 1; j < n; j += 1) { sum -= rows[k][j] * x[j]; }
      x[k] = sum / rows[k][k];
    }
    return x;
  }

  /* What comes back to technology t through the nodes `among`. */
  function returnRatio(elasticities, t, among) {
    const others = among.filter(function (k) { return k !== t; });
    const rest = others.map(function (i) {
      return others.map(function (j) { return (i === j ? 1 : 0) - elasticities[i][j]; });
    });
    const moved = solve(rest, others.map(function (i) { return elasticities[i][t]; }));
    return others.reduce(function (sum, i, k) { return sum + elasticities[t][i] * moved[k]; }, 0);
  }

  /* Parts that add up: within the technology's field, what each other field adds to that, and the rest. */
  function byFields(loop, elasticities, t, whole) {
    const home = loop.nodes[t].field;
    function through(fields) {
      const among = loop.nodes.map(function (node, k) { return k; })
        .filter(function (k) { return fields.includes(loop.nodes[k].field); });
      return returnRatio(elasticities, t, among);
    }
    const fields = Array.from(new Set(loop.nodes.map(function (node) { return node.field; })));
    const one = through([home]);
    const two = fields.filter(function (field) { return field !== home; })
      .reduce(function (sum, field) { return sum + through([home, field]) - one; }, 0);
    return { one: one, two: two, three: whole - one - two };
  }

  /* Elasticities without the arrows of these kinds that lead into technology t. */
  function without(loop, sizes, t, kinds) {
    const name = loop.nodes[t].name;
    return matrix(loop, loop.arrows.map(function (arrow, k) {
      return kinds.includes(arrow.kind) && arrow.end === name ? 0 : sizes[k];
    }));
  }

  /* By need and money alone: what a field knows already is no news when it comes back. known: where it is. */
  function outcomes(loop, sizes) {
    const all = loop.nodes.map(function (node, k) { return k; }), everything = matrix(loop, sizes);
    return all.filter(function (k) { return loop.nodes[k].role === "technology"; }).map(function (t) {
      const fed = without(loop, sizes, t, ["technology"]), ratio = returnRatio(fed, t, all);
      const known = returnRatio(everything, t, all);
      return Object.assign({ title: loop.nodes[t].title, ratio: ratio, percent: ratio < 1 ? 100 * ratio / (1 - ratio) : NaN },
        byFields(loop, fed, t, ratio), {
          need: returnRatio(without(loop, sizes, t, ["technology", "money"]), t, all),
          money: returnRatio(without(loop, sizes, t, ["technology", "need"]), t, all),
          known: known, three_known: byFields(loop, everything, t, known).three
        });
    });
  }

  /* Largest eigenvalue in size, from the growth of M squared again and again. At 1 or more a disturbance grows. */
  function spread(elasticities) {
    let power = elasticities, logarithm = 0;
    for (let k = 0; k < 24; k += 1) {
      const norm = Math.max.apply(null, power.map(function (row) {
        return row.reduce(function (sum, one) { return sum + Math.abs(one); }, 0);
      }));
      if (!norm) { return 0; }
      logarithm += Math.log(norm) / Math.pow(2, k);
      const scaled = power.map(function (row) { return row.map(function (one) { return one / norm; }); });
      power = scaled.map(function (row) {
        return scaled[0].map(function (unused, j) {
          return row.reduce(function (sum, one, i) { return sum + one * scaled[i][j]; }, 0);
        });
      });
    }
    return Math.exp(logarithm);
  }

  /* Whether a disturbance grows, in the whole or where one technology is held still. */
  function runsAway(loop, elasticities) {
    return spread(elasticities) >= 1 || loop.nodes.some(function (node, t) {
      const still = elasticities.map(function (row, i) {
        return row.map(function (one, j) { return i === t || j === t ? 0 : one; });
      });
      return node.role === "technology" && spread(still) >= 1;
    });
  }

  function signed(value, digits) {
    if (!Number.isFinite(value)) { return "none"; }
    const told = Math.abs(value).toFixed(digits);
    return (value < 0 && Number(told) !== 0 ? "−" : "+") + told;
  }

  function percent(one) {
    return Number.isFinite(one.percent) ? signed(one.percent, 2) + " %" : "none";
  }

  function size(value) {
    return (value < 0 ? "−" : value > 0 ? "+" : "") + String(Number(Math.abs(value).toPrecision(3)));
  }

  function lowered(title) {
    return /^.[A-Z]/.test(title) ? title : title.charAt(0).toLowerCase() + title.slice(1);
  }

  function sentence(one) {
    const start = "Closing the loop changes what " + lowered(one.title) + " achieves ";
    if (!Number.isFinite(one.ratio)) { return start + "by no number: the rest of the loop has no balance."; }
    if (one.ratio >= 1) { return start + "without end: it runs away."; }
    const nothing = Number(one.percent.toFixed(2)) === 0;
    const word = nothing ? "it does next to nothing" : one.percent < 0 ? "it damps" : "it amplifies";
    return start + "by " + percent(one) + ": " + word + ".";
  }

  function judge(row, value, goal) {
    const badge = row.querySelector(".dti-at-sizes"), told = Number.isFinite(value), holds = value > goal;
    row.querySelector("[data-value]").textContent = signed(value, 4);
    badge.textContent = !told ? "no answer" : holds ? "would be supported" : "would be refuted";
    badge.classList.toggle("dti-supported", told && holds);
    badge.classList.toggle("dti-refuted", told && !holds);
  }

  function start(page) {
    const loop = JSON.parse(page.querySelector("[data-loop]").textContent);
    const form = page.querySelector("form"), rows = Array.from(form.querySelectorAll("[data-arrow]"));
    const controls = loop.arrows.map(function (arrow) {
      const row = rows.find(function (one) { return one.dataset.arrow === arrow.name; });
      const find = function (name) { return row.querySelector(name); };
      return { arrow: arrow, slider: find("[type=range]"), number: find("[type=number]"), on: find("[type=checkbox]"),
        shown: find("output"), row: row, size: arrow.middle };
    });

    function sizes() {
      return controls.map(function (one) { return one.on.checked ? one.size : 0; });
    }

    function show() {
      const now = sizes(), found = outcomes(loop, now), grows = runsAway(loop, matrix(loop, now));
      found.forEach(function (one, k) {
        page.querySelectorAll("[data-technology='" + k + "']").forEach(function (cell) {
          const part = cell.dataset.part;
          cell.textContent = part === "percent" ? percent(one) : signed(one[part], 4);
          cell.dataset.exact = one[part];
        });
        page.querySelectorAll("[data-sentence='" + k + "']").forEach(function (told) { told.textContent = sentence(one); });
      });
      page.querySelector(".dti-loop-grows").hidden = !grows;
      page.querySelectorAll("[data-rule]").forEach(function (row) {
        const part = row.dataset.rule;
        judge(row, Math.max.apply(null, found.map(function (one) { return one[part]; })), Number(row.dataset.goal));
      });
      return found;
    }

    function place(one) {
      const arrow = one.arrow, width = arrow.high - arrow.low;
      return width > 0 ? Math.min(100, Math.max(0, 100 * (one.size - arrow.low) / width)) : 50;
    }

    function tell(one) {
      const told = size(one.size);
      one.shown.textContent = one.on.checked ? told : "out";
      one.slider.setAttribute("aria-valuetext", told);
      one.row.classList.toggle("dti-arrow-out", !one.on.checked);
      one.row.classList.toggle("dti-arrow-moved", one.size !== one.arrow.middle || !one.on.checked);
    }

    function put(one, value, from) {
      one.size = value;
      if (from !== one.slider) { one.slider.value = Math.round(place(one)); }
      if (from !== one.number) { one.number.value = Number(value.toPrecision(4)); }
      tell(one);
    }

    controls.forEach(function (one) {
      one.slider.addEventListener("input", function () {
        const share = Number(one.slider.value) / 100;
        put(one, (1 - share) * one.arrow.low + share * one.arrow.high, one.slider);
        show();
      });
      one.number.addEventListener("input", function () {
        if (one.number.value !== "" && one.number.validity.valid) { put(one, Number(one.number.value), one.number); show(); }
      });
      one.number.addEventListener("change", function () {
        if (one.number.value === "" || !one.number.validity.valid) { put(one, one.size); }
      });
      one.on.addEventListener("change", function () { tell(one); show(); });
    });

    function announce() {
      page.querySelector("[role=status]").textContent = outcomes(loop, sizes()).map(function (one) {
        return one.title + " " + percent(one);
      }).join(", ");
    }

    form.addEventListener("change", announce);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("reset", function (event) {
      event.preventDefault();
      controls.forEach(function (one) { one.on.checked = true; put(one, one.arrow.middle); });
      show();
      announce();
    });
    controls.forEach(function (one) { put(one, one.arrow.middle); });
    show();
    page.querySelectorAll("[data-needs-script]").forEach(function (part) { part.hidden = false; });
    page.querySelectorAll("[data-without-script]").forEach(function (part) { part.hidden = true; });
  }

  window.dtiLoop = { matrix: matrix, solve: solve, returnRatio: returnRatio, outcomes: outcomes, spread: spread, runsAway: runsAway };
  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll(".dti-move").forEach(start);
  });
})();
