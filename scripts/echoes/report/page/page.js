"use strict";
// What the page does: tables that sort, charts, and the explorer. Texts from files are only ever set
// as text, never as HTML.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { genes, perturbations, experiments, metrics } = data;
  const G = genes.length;
  const measured = perturbations.filter((each) => each.measured).length;

  // --- Small helpers ---------------------------------------------------------------------------
  const el = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "class") made.className = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };
  const svg = (tag, attributes = {}, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const fill = (parent, ...children) => parent.replaceChildren(...children.filter(Boolean));
  const number = (value, digits = 2) => {
    if (!known(value)) return "–";
    const text = value.toFixed(digits);
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  };
  const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
  const estimate = ([value, lower, upper], digits) => number(value, digits) +
    (known(lower) && known(upper) ? ` (${number(lower, digits)} … ${number(upper, digits)})` : "");
  const signed = (value) => (value > 0 ? "+" : "") + number(value);
  const option = (value, text) => el("option", { value }, text ?? value);
  const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const largest = (places, size, count) => places.map((place) => [size(place), place])
    .sort((a, b) => b[0] - a[0] || a[1] - b[1]).slice(0, count).map(([, place]) => place);
  const range = (count) => Array.from({ length: count }, (_, i) => i);

  // --- Numbers: base64 of 16-bit or 8-bit codes -------------------------------------------------
  const bytes = (text) => {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const raw = atob(text);
    const made = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) made[i] = raw.charCodeAt(i);
    return made;
  };
  const loaded = new Map();
  const array = (name) => {
    if (!loaded.has(name)) {
      const record = data.arrays[name];
      const raw = bytes($(`array-${name}`).textContent);
      if (record.kind === "int16") {
        const view = new DataView(raw.buffer, raw.byteOffset);
        const codes = new Int16Array(raw.length / 2);
        for (let i = 0; i < codes.length; i++) codes[i] = view.getInt16(2 * i, true);
        loaded.set(name, (i) => (codes[i] === -32768 ? NaN : codes[i] * record.step));
      } else if (record.kind === "uint16" || record.kind === "uint32") {
        const view = new DataView(raw.buffer, raw.byteOffset);
        loaded.set(name, record.kind === "uint16" ? (i) => view.getUint16(2 * i, true) : (i) => view.getUint32(4 * i, true));
      } else {
        loaded.set(name, (i) => (raw[i] ? Math.exp(record.lowest + (raw[i] - 1) * record.step) : NaN));
      }
    }
    return loaded.get(name);
  };
  const truth = (row, gene) => (row < measured ? array("truth")(row * G + gene) : NaN);
  const predicted = (one, row, gene) => array(one.prediction)(row * G + gene);
  // Rows of one fit share their expected errors, but for the silenced gene's own.
  const expected = (one, row, gene) => {
    if (!one.error) return NaN;
    const own = perturbations[row].own.indexOf(gene);
    return own >= 0 ? one.ownErrors[row][own] ?? NaN : array(one.error)(one.errorRows[row] * G + gene);
  };
  // Mean over the measured perturbations of each gene; what is beyond it is specific.
  const means = new Map();
  const mean = (name) => {
    if (!means.has(name)) {
      const value = array(name), sums = new Float64Array(G), counts = new Float64Array(G);
      for (let row = 0; row < measured; row++)
        for (let gene = 0; gene < G; gene++) {
          const one = value(row * G + gene);
          if (one === one) { sums[gene] += one; counts[gene]++; }
        }
      means.set(name, sums.map((sum, gene) => (counts[gene] ? sum / counts[gene] : 0)));
    }
    return means.get(name);
  };

  // --- Charts ----------------------------------------------------------------------------------
  const dark = () => {
    const chosen = document.documentElement.dataset.scheme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const theme = () => {
    const ink = colour("--ink"), quiet = colour("--quiet"), line = colour("--line");
    return {
      background: "transparent",
      font: getComputedStyle(document.body).fontFamily,
      view: { stroke: null },
      axis: {
        labelColor: quiet, titleColor: ink, gridColor: line, domainColor: line, tickColor: line,
        labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelOverlap: true,
      },
      legend: { labelColor: ink, titleColor: ink, labelFontSize: 12 },
      text: { color: ink },
      rule: { color: quiet },
      line: { color: quiet },
      range: { category: dark()
        ? ["#56B4E9", "#E69F00", "#2fc79a", "#e79cc6", "#F0E442"]
        : ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8a6d00"] },
    };
  };
  const tooltip = (handler, event, item, value) => {
    if (!value) return hideTip();
    const text = typeof value === "object"
      ? Object.entries(value).map(([key, each]) => `${key}: ${each}`).join("\n") : String(value);
    showTip(text, event.clientX, event.clientY);
  };
  const drawn = new Map();
  const draw = async (id, chart, datasets, description, prepare, onclick) => {
    const place = $(id);
    drawn.set(id, [chart, datasets, description, prepare, onclick]);
    const turn = (place.turn = (place.turn ?? 0) + 1);
    const specification = structuredClone(data.charts[chart]);
    specification.datasets = datasets;
    specification.description = description;
    prepare?.(specification);
    const result = await vegaEmbed(place, specification, {
      ast: true, actions: false, renderer: "svg", config: theme(), defaultStyle: false, tooltip, logLevel: 1,
      loader: { load: () => Promise.reject(new Error("This page loads nothing.")) },
    });
    if (turn !== place.turn) return result.finalize();
    place.finalize?.();
    place.finalize = () => result.finalize();
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", description);
    if (onclick) result.view.addEventListener("click", (_, item) => item?.datum && onclick(item.datum));
  };
  const redraw = () => {
    for (const [id, rest] of drawn) if (!["agreement-chart", "gene-chart"].includes(id)) draw(id, ...rest);
    if (state.row !== null) again();
  };
  const layer = (specification, index, channel, property, value) => {
    const encoding = specification.layer[index].encoding[channel];
    if (encoding) encoding[property] = value;
  };
  const eachAxis = (specification, channel, property, value) =>
    specification.layer.forEach((_, index) => layer(specification, index, channel, property, value));

  // --- Tips ------------------------------------------------------------------------------------
  const tip = $("tip");
  const showTip = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(x + 12, innerWidth - width - 8))}px`;
    tip.style.top = `${y + 18 + height > innerHeight ? Math.max(8, y - height - 12) : y + 18}px`;
  };
  const hideTip = () => { tip.hidden = true; };
  const explain = (target) => {
    const { left, bottom } = target.getBoundingClientRect();
    showTip(target.dataset.tip, left, bottom - 10);
    target.setAttribute("aria-describedby", "tip");
  };
  for (const kind of ["pointerover", "focusin"])
    document.addEventListener(kind, (event) => {
      const target = event.target.closest?.("[data-tip]");
      if (target && (kind !== "focusin" || target.matches(":focus-visible"))) explain(target);
    });
  for (const kind of ["pointerout", "focusout"])
    document.addEventListener(kind, (event) => event.target.closest?.("[data-tip]") && hideTip());
  document.addEventListener("keydown", (event) => event.key === "Escape" && hideTip());
  // A tip of the keyboard moves with what it explains; one of the pointer goes.
  addEventListener("scroll", () => {
    if (tip.hidden) return;
    const target = document.activeElement;
    if (target?.dataset?.tip && target.matches(":focus-visible")) explain(target);
    else hideTip();
  }, { passive: true, capture: true });

  // --- Light and dark --------------------------------------------------------------------------
  $("scheme").addEventListener("click", () => {
    document.documentElement.dataset.scheme = dark() ? "light" : "dark";
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  // --- Tables that sort ------------------------------------------------------------------------
  const markSorted = (table, index, falling) => {
    [...table.tHead.rows[0].cells].forEach((cell, i) =>
      cell.setAttribute("aria-sort", i === index ? (falling ? "descending" : "ascending") : "none"));
  };
  const comparisonTable = $("comparison-table");
  comparisonTable.tHead.addEventListener("click", (event) => {
    const cell = event.target.closest("th");
    if (!cell) return;
    const index = cell.cellIndex;
    const falling = cell.getAttribute("aria-sort") === "none" ? index > 0 : cell.getAttribute("aria-sort") === "ascending";
    const value = (row) => row.cells[index].dataset.value;
    const rows = [...comparisonTable.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = index ? x - y : x.localeCompare(y, "en");
      return falling ? -order : order;
    });
    comparisonTable.tBodies[0].append(...rows);
    markSorted(comparisonTable, index, falling);
  });

  // --- Comparison ------------------------------------------------------------------------------
  const comparisonLook = (metric) => (specification) => specification.layer.forEach((_, i) => {
    layer(specification, i, "x", "title", metric.title);
    layer(specification, i, "color", "scale", {
      domain: ["experiment", "null network", "baseline"], range: ["--down", "--up", "--point"].map(colour) });
  });
  const drawComparison = () => {
    const name = $("comparison-metric").value, metric = metrics[name];
    const rows = data.comparison
      .filter((each) => each.figures[name])
      .map((each) => {
        const [value, lower, upper] = each.figures[name];
        return { experiment: each.experiment, group: each.group, value, lower: lower ?? value, upper: upper ?? value,
          figure: estimate([value, lower, upper], metric.digits) };
      })
      .sort((a, b) => (metric.lowerIsBetter ? a.value - b.value : b.value - a.value));
    const lines = [];
    if (metric.chance !== null) lines.push({ value: metric.chance, label: "chance" });
    if (data.bounds[name] !== undefined) lines.push({ value: data.bounds[name], label: "upper bound" });
    $("comparison-text").textContent = metric.text;
    draw("comparison-chart", "comparison", { rows, lines },
      `${metric.title} of each experiment with 95 % intervals: ${rows.map((each) => `${each.experiment} ${each.figure}`).join("; ")}`,
      comparisonLook(metric));
  };
  $("comparison-metric").append(...data.compared.map((name) => option(name, metrics[name].title)));
  $("comparison-metric").addEventListener("change", drawComparison);

  const drawCurves = () => {
    const name = $("curve-metric").value, metric = metrics[name], rows = [];
    for (const [experiment, sizes] of Object.entries(data.curves))
      for (const each of sizes) {
        const [value, lower, upper] = [each[name], each[`${name}_lower`], each[`${name}_upper`]];
        if (value !== null)
          rows.push({ experiment, training: each.training, value, lower: lower ?? value, upper: upper ?? value,
            figure: estimate([value, lower, upper], metric.digits) });
      }
    const lines = metric.chance === null ? [] : [{ value: metric.chance }];
    $("curve-text").textContent = metric.text;
    draw("curve-chart", "curve", { rows, lines },
      `${metric.title} by the number of training perturbations: ${rows.map((each) => `${each.experiment} ${each.training}: ${each.figure}`).join("; ")}`,
      (specification) => eachAxis(specification, "y", "title", metric.title));
  };
  if (Object.keys(data.curves).length) {
    const present = Object.keys(metrics).filter((name) => Object.values(data.curves).some((sizes) => sizes.some((each) => Number.isFinite(each[name]))));
    $("curve-metric").append(...present.map((name) => option(name, metrics[name].title)));
    if (present.includes("r2_mean")) $("curve-metric").value = "r2_mean";
    $("curve-metric").addEventListener("change", drawCurves);
  }

  // --- Pairs of genes --------------------------------------------------------------------------
  const seenText = (count) => (count === 0 ? "none" : `${count}`);
  const drawPairs = () => {
    const name = $("pairs-metric").value, metric = metrics[name], seen = Number($("pairs-seen").value);
    const all = data.pairs.filter((each) => each.metric === name && each.value !== null);
    const better = (a, b) => (metric.lowerIsBetter ? a.value - b.value : b.value - a.value);
    const rows = all.filter((each) => each.genes_seen === seen).map((each) => ({
      experiment: each.experiment, group: each.group, value: each.value, lower: each.value_lower ?? each.value, upper: each.value_upper ?? each.value,
      figure: estimate([each.value, each.value_lower, each.value_upper], metric.digits) })).sort(better);
    const count = all.find((each) => each.genes_seen === seen)?.pairs ?? 0;
    $("pairs-text").textContent = `${metric.text} Mean of ${plural(count, "pair")} with ${seenText(seen)} of their genes seen alone; intervals (95 %) are over pairs.`;
    const lines = metric.chance === null ? [] : [{ value: metric.chance, label: "chance" }];
    draw("pairs-chart", "comparison", { rows, lines },
      `${metric.title} of pairs with ${seenText(seen)} of their genes seen alone: ${rows.map((each) => `${each.experiment} ${each.figure}`).join("; ")}`, comparisonLook(metric));
    const numbers = [...new Set(all.map((each) => each.genes_seen))].sort((a, b) => b - a);
    const cell = (each, minus = "") => {
      const found = [each?.[`${minus || "value"}`], each?.[`${minus || "value"}_lower`], each?.[`${minus || "value"}_upper`]];
      const [head, ...interval] = estimate(found, metric.digits).split(" (");
      return el("td", { class: "n" }, head, interval.length ? el("small", {}, interval[0].slice(0, -1)) : null);
    };
    const table = $("pairs-table");
    fill(table.tHead, el("tr", {}, el("th", { scope: "col" }, "Experiment"), ...numbers.flatMap((each) => [
      el("th", { scope: "col", class: "n" }, `${seenText(each)} seen alone`),
      el("th", { scope: "col", class: "n", "data-tip": "The difference from the sum of single effects, on the same pairs.", tabindex: "0" }, "less additive")])));
    const names = [...new Set([...rows, ...all].map((each) => each.experiment))];
    fill(table.tBodies[0], ...names.map((experiment) => el("tr", {}, el("th", { scope: "row" }, experiment), ...numbers.flatMap((seen) => {
      const each = all.find((one) => one.experiment === experiment && one.genes_seen === seen);
      return [cell(each), cell(each, "minus_additive")];
    }))));
  };
  if (data.pairs.length) {
    const present = Object.keys(metrics).filter((name) => data.pairs.some((each) => each.metric === name && each.value !== null));
    const numbers = [...new Set(data.pairs.map((each) => each.genes_seen))].sort((a, b) => b - a);
    $("pairs-metric").append(...present.map((name) => option(name, metrics[name].title)));
    $("pairs-seen").append(...numbers.map((each) => option(each, seenText(each))));
    for (const id of ["pairs-metric", "pairs-seen"]) $(id).addEventListener("change", drawPairs);
  }

  // --- Perturbations ---------------------------------------------------------------------------
  const state = { row: null, gene: null, shown: 50, sort: [0, false] };
  const scored = Object.keys(data.scores);
  const networks = Object.keys(data.surroundings);
  const nearest = (row) => {
    const one = experiments.find((each) => each.leans);
    return one?.leans[row]?.[0] ?? null;
  };
  const reasons = {
    size: ["Size of the response (log2)", (row) => perturbations[row].size, 3],
    ...Object.fromEntries(networks.map((name) => [`links-${name}`, [`Links in ${name}`, (row) => perturbations[row].links[name] ?? null, 0]])),
    ...(experiments.some((each) => each.leans) ? { nearest: ["Largest weight of another perturbation",
      (row) => (nearest(row) ? Math.abs(nearest(row)[1]) : 0), 2] } : {}),
    ...(perturbations.some((each) => each.cells !== null) ? { cells: ["Cells", (row) => perturbations[row].cells, 0] } : {}),
    ...(perturbations.some((each) => each.left !== null) ? { left: ["Expression left of the silenced gene", (row) => perturbations[row].left, 2] } : {}),
  };
  // A value, and the bounds of its interval where it has one.
  const figure = (row) => data.scores[$("p-metric").value]?.[$("p-experiment").value]?.[row] ?? [null];
  const score = (row) => figure(row)[0];
  const columns = () => {
    const metric = metrics[$("p-metric").value];
    return [
      ["Perturbation", (row) => perturbations[row].name, null],
      ...(metric ? [[metric.title, score, metric.digits, metric.text]] : []),
      ...Object.values(reasons).map(([title, value, digits]) => [title, value, digits]),
    ];
  };
  const perturbationRows = () => {
    const search = $("p-search").value.trim().toUpperCase(), warned = $("p-warned").checked;
    const rows = range(perturbations.length).filter((row) => {
      const each = perturbations[row];
      return (!search || [each.name, ...each.silenced].some((name) => name.toUpperCase().includes(search))) && (!warned || each.warnings.length);
    });
    const [index, falling] = state.sort;
    const value = (columns()[index] ?? columns()[0])[1];
    return rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      const order = typeof x === "string" ? x.localeCompare(y, "en") : x - y;
      return (falling ? -order : order) || a - b;
    });
  };
  const listPerturbations = () => {
    const all = perturbationRows(), shown = all.slice(0, state.shown), described = columns();
    const table = $("p-table");
    fill(table.tHead, el("tr", {}, ...described.map(([title, , digits, text], index) =>
      el("th", { scope: "col", class: digits === null ? "" : "n", "aria-sort": "none" },
        el("button", { type: "button", "data-tip": text ?? false, onclick: () => {
          state.sort = [index, state.sort[0] === index ? !state.sort[1] : index > 0];
          listPerturbations();
          table.tHead.rows[0].cells[index].firstChild.focus();
        } }, title)))));
    markSorted(table, ...state.sort);
    fill(table.tBodies[0], ...shown.map((row) => {
      const each = perturbations[row];
      return el("tr", {}, ...described.map(([, value, digits], index) => {
        if (index) {
          const [, lower, upper] = value === score ? figure(row) : [];
          return el("td", { class: "n" }, number(value(row), digits), known(upper) ? el("small", {}, `${number(lower, digits)} … ${number(upper, digits)}`) : null);
        }
        return el("th", { scope: "row" },
          el("button", { type: "button", class: "link", onclick: () => show(row, true) }, each.name),
          each.silenced.join() === each.name ? null : el("span", { class: "silenced" }, each.silenced.join(" + ")),
          each.measured ? null : el("span", { class: "kind" }, "to predict"),
          each.warnings.length ? el("span", { class: "flag", "data-tip": each.warnings.join(" "), tabindex: "0" }, "warning") : null);
      }));
    }));
    $("p-count").textContent = `${all.length.toLocaleString("en")} of ${perturbations.length.toLocaleString("en")}`;
    $("p-more").hidden = shown.length === all.length;
  };
  const drawOverview = () => {
    const metric = metrics[$("p-metric").value], reason = reasons[$("p-reason").value];
    const bounded = metric && range(measured).some((row) => known(figure(row)[2]));
    $("p-text").textContent = metric ? `${metric.text}${bounded ? ` ${data.interval}` : ""}` : "No figure of single perturbations is in this run.";
    if (!metric || !reason) return;
    const [title, value, digits] = reason;
    const points = range(measured)
      .map((row) => ({ row, name: perturbations[row].name, x: value(row), y: score(row) }))
      .filter((each) => each.x !== null && each.y !== null)
      .map((each) => ({ ...each, figure: estimate(figure(each.row), metric.digits), explained: `${title}: ${number(each.x, digits)}` }));
    const intervals = points.map(({ row, x }) => ({ x, lower: figure(row)[1], upper: figure(row)[2] })).filter((each) => known(each.upper));
    const lines = metric.chance === null ? [] : [{ value: metric.chance }];
    draw("overview-chart", "overview", { points, lines, intervals },
      `${metric.title} of ${points.length} perturbations against: ${title}`,
      (specification) => {
        eachAxis(specification, "x", "title", title);
        eachAxis(specification, "y", "title", metric.title);
        // Of many perturbations, intervals would cover the points.
        Object.assign(specification.layer[1].mark, { color: colour("--down"), opacity: Math.max(0.12, Math.min(0.45, 40 / points.length)) });
        specification.layer[2].mark.color = colour("--down");
      }, (datum) => datum.row !== undefined && show(datum.row, true));
  };
  const scoredExperiments = () => [...new Set(scored.flatMap((name) => Object.keys(data.scores[name])))];
  $("p-metric").append(...scored.map((name) => option(name, metrics[name].title)));
  $("p-reason").append(...Object.entries(reasons).map(([name, [title]]) => option(name, title)));
  const ordered = [...experiments.map((each) => each.name).filter((name) => scoredExperiments().includes(name))];
  ordered.push(...scoredExperiments().filter((name) => !ordered.includes(name)));
  $("p-experiment").append(...ordered.map((name) => option(name)));
  for (const id of ["p-metric", "p-experiment", "p-reason"])
    $(id).addEventListener("change", () => { listPerturbations(); drawOverview(); });
  for (const id of ["p-search", "p-warned"])
    $(id).addEventListener("input", () => { state.shown = 50; listPerturbations(); });
  $("p-more").addEventListener("click", () => { state.shown += 200; listPerturbations(); });

  // --- Explorer: one perturbation --------------------------------------------------------------
  const experiment = () => experiments[$("e-experiment").selectedIndex];
  const specific = () => $("e-kind").value === "specific";
  const measuredChange = (row, gene) => truth(row, gene) - (specific() ? mean("truth")[gene] : 0);
  const predictedChange = (one, row, gene) =>
    predicted(one, row, gene) - (specific() ? mean(one.prediction)[gene] : 0);
  const axisTitle = (what) => `${what}, log2 ${specific() ? "change beyond the mean" : "change"}`;

  // Names of points so that none covers another one: each is tried at four sides, or left out.
  const placeLabels = (wanted, [x0, x1], [y0, y1], width, height) => {
    const px = (x) => ((x - x0) / (x1 - x0)) * width, py = (y) => height - ((y - y0) / (y1 - y0)) * height;
    const boxes = wanted.map((each) => [px(each.x) - 3, py(each.y) - 3, px(each.x) + 3, py(each.y) + 3]);
    const labels = [];
    for (const point of wanted) {
      const half = point.name.length * 3.4 + 2;
      for (const [dx, dy] of [[0, -11], [half + 5, 0], [-half - 5, 0], [0, 12]]) {
        const [x, y] = [px(point.x) + dx, py(point.y) + dy];
        const box = [x - half, y - 7, x + half, y + 7];
        const inside = box[0] > 0 && box[2] < width && box[1] > 0 && box[3] < height;
        if (inside && boxes.every((other) => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3])) {
          boxes.push(box);
          labels.push({ ...point, dx, dy });
          break;
        }
      }
    }
    return labels;
  };
  const padded = (values) => {
    const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
    const more = 0.07 * (high - low) || 1;
    return [low - more, high + more];
  };
  const scatter = (id, points, wanted, titles, description, onclick) => {
    const width = Math.max($(id).clientWidth - 62, 200);
    const xs = padded(points.map((each) => each.x)), ys = padded(points.map((each) => each.y));
    const low = Math.max(xs[0], ys[0]), high = Math.min(xs[1], ys[1]);
    const diagonal = [{ x: low, y: low }, { x: high, y: high }];
    draw(id, "agreement", { points, diagonal, labels: placeLabels(wanted, xs, ys, width, 340) }, description,
      (specification) => {
        eachAxis(specification, "x", "title", titles[0]);
        eachAxis(specification, "y", "title", titles[1]);
        layer(specification, 1, "x", "scale", { domain: xs, nice: false, zero: false });
        layer(specification, 1, "y", "scale", { domain: ys, nice: false, zero: false });
      }, onclick);
  };
  const drawAgreement = (row) => {
    const one = experiment(), each = perturbations[row];
    const own = new Set(each.own);
    const both = (gene) => Number.isFinite(measuredChange(row, gene)) && Number.isFinite(predicted(one, row, gene));
    const known = range(G).filter((gene) => both(gene) && !own.has(gene));
    const note = $("e-agreement-note"), place = $("agreement-chart");
    place.hidden = !known.length;
    if (!known.length) {
      drawn.delete("agreement-chart");
      note.textContent = each.measured
        ? `${one.name} does not predict it: it learns from it.`
        : "It was not measured, so there is nothing to compare the prediction with.";
      return;
    }
    const size = (gene) => Math.max(Math.abs(measuredChange(row, gene)), Math.abs(predictedChange(one, row, gene)));
    const named = new Set(largest([...known], size, 14));
    const quiet = colour("--point");
    const point = (gene) => {
      const y = predictedChange(one, row, gene), x = measuredChange(row, gene);
      const stands = named.has(gene);
      return { gene, name: genes[gene], x, y,
        color: stands ? colour(x > 0 ? "--up" : "--down") : quiet, size: stands ? 46 : 18, opacity: stands ? 1 : 0.45 };
    };
    const points = known.map(point);
    const wanted = points.filter((each) => named.has(each.gene)).sort((a, b) => size(b.gene) - size(a.gene));
    const correlation = pearson(points);
    note.textContent = "Each point is a response gene; on the dashed line both are equal." +
      (Number.isFinite(correlation) ? ` Correlation: ${number(correlation)}.` : "") +
      each.own.filter(both).map((gene) => ` The silenced gene ${genes[gene]} itself, not drawn: measured ${signed(measuredChange(row, gene))}, predicted ${signed(predictedChange(one, row, gene))}.`).join("");
    scatter("agreement-chart", points, wanted, [axisTitle("Measured"), axisTitle("Predicted")],
      `Predicted against measured changes of ${known.length} genes when ${each.name} is silenced, by ${one.name}`,
      (datum) => datum.gene !== undefined && showGene(datum.gene));
  };
  const pearson = (points) => {
    const n = points.length, mx = points.reduce((s, p) => s + p.x, 0) / n, my = points.reduce((s, p) => s + p.y, 0) / n;
    let xy = 0, xx = 0, yy = 0;
    for (const { x, y } of points) { xy += (x - mx) * (y - my); xx += (x - mx) ** 2; yy += (y - my) ** 2; }
    return xy / Math.sqrt(xx * yy);
  };
  const listTop = (row) => {
    const one = experiment(), each = perturbations[row], own = new Set(each.own);
    const known = range(G).filter((gene) => Number.isFinite(predicted(one, row, gene)) && !own.has(gene));
    const half = (title, sign) => {
      const chosen = largest([...known], (gene) => sign * predictedChange(one, row, gene), 10)
        .filter((gene) => sign * predictedChange(one, row, gene) > 0);
      return el("table", { class: "top" },
        el("caption", {}, title),
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Gene"), el("th", { scope: "col", class: "n" }, "Predicted"),
          el("th", { scope: "col", class: "n", "data-tip": "Half the width of the interval that should hold 68 % of measurements, log2 units." , tabindex: "0" }, "± error"),
          el("th", { scope: "col", class: "n" }, "Measured"))),
        el("tbody", {}, ...chosen.map((gene) => el("tr", {},
          el("th", { scope: "row" }, el("button", { type: "button", class: "link", onclick: () => showGene(gene, true) }, genes[gene])),
          el("td", { class: "n" }, signed(predictedChange(one, row, gene))),
          el("td", { class: "n" }, number(expected(one, row, gene))),
          el("td", { class: "n" }, Number.isFinite(measuredChange(row, gene)) ? signed(measuredChange(row, gene)) : "–")))));
    };
    fill($("e-top"), known.length ? el("div", { class: "halves" }, half("Up", 1), half("Down", -1)) : el("p", { class: "note" }, "There is no prediction."));
  };
  const mix = (value, limit) => {
    const share = Math.min(Math.abs(value) / (limit || 1), 1);
    return `color-mix(in oklab, ${value > 0 ? "var(--up)" : "var(--down)"} ${Math.round(share * 100)}%, var(--node))`;
  };
  const geneOf = new Map(genes.map((name, place) => [name, place]));
  const drawNetwork = () => {
    const row = state.row, one = experiment(), around = data.surroundings[one.network], place = $("e-network");
    if (!around) return fill(place, el("p", { class: "note" }, "This experiment uses no network, or one that is not drawn."));
    const [nodes, mass, silenced, links] = around.rows[row];
    if (nodes.length <= silenced) return fill(place, el("p", { class: "note" }, "The gene has no link: a walk from it goes nowhere."));
    const known = perturbations[row].measured;
    const value = (k) => {
      const gene = geneOf.get(around.names[nodes[k]]);
      if (gene === undefined) return NaN;
      return known ? measuredChange(row, gene) : predictedChange(one, row, gene);
    };
    const values = nodes.map((_, k) => value(k));
    const outer = values.slice(silenced).filter(Number.isFinite).map(Math.abs);
    const limit = Math.max(...outer, 0.05);
    // Silenced genes in the middle; the others on a ring in an order that keeps linked ones together.
    const others = range(nodes.length).slice(silenced);
    const joined = new Set(links.map(([a, b]) => `${a} ${b}`));
    const linked = (a, b) => joined.has(a < b ? `${a} ${b}` : `${b} ${a}`);
    const ring = [];
    const left = [...others];
    while (left.length) {
      const last = ring[ring.length - 1];
      const next = last === undefined ? 0 : Math.max(left.findIndex((k) => linked(k, last)), 0);
      ring.push(...left.splice(next, 1));
    }
    const W = 460, H = 360, cx = W / 2, cy = H / 2;
    const at = [];
    range(silenced).forEach((k) => { at[k] = [cx + (k - (silenced - 1) / 2) * 60, cy]; });
    ring.forEach((k, i) => {
      const angle = (2 * Math.PI * i) / ring.length - Math.PI / 2;
      at[k] = [cx + 150 * Math.cos(angle), cy + 125 * Math.sin(angle)];
    });
    const top = Math.max(...mass.slice(silenced));
    const drawing = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img",
      "aria-label": `${nodes.length - silenced} genes around ${perturbations[row].name} in the network, by how often a walk from it is there: ${ring.map((k) => around.names[nodes[k]]).join(", ")}` });
    for (const [a, b] of links) {
      const [x1, y1] = at[a], [x2, y2] = at[b];
      drawing.append(svg("line", { x1, y1, x2, y2, class: a < silenced || b < silenced ? "edge own" : "edge" }));
    }
    nodes.forEach((node, k) => {
      const [x, y] = at[k], centre = k < silenced;
      const radius = centre ? 15 : 6 + 8 * Math.sqrt(mass[k] / top);
      const circle = svg("circle", { cx: x, cy: y, r: radius.toFixed(1), class: Number.isFinite(values[k]) ? "node" : "node unknown" });
      if (Number.isFinite(values[k])) circle.style.fill = mix(values[k], limit);
      circle.append(svg("title"));
      circle.firstChild.textContent = `${around.names[node]}: ${Number.isFinite(values[k]) ? signed(values[k]) + " log2" : "no response gene"}; ${(100 * mass[k]).toPrecision(2)} % of the walk`;
      const below = centre || y >= cy - 1;
      const label = svg("text", { x, y: y + (below ? radius + 14 : -radius - 6), "text-anchor": "middle", class: centre ? "name own" : "name" });
      label.textContent = around.names[node];
      drawing.append(circle, label);
    });
    const key = el("p", { class: "key" }, el("span", { class: "bar" }), `−${number(limit)} … +${number(limit)} log2, ${known ? "measured" : "predicted"}; dashed: no response gene. Size: share of a random walk from it, α = ${around.alpha}.`);
    fill(place, drawing, key);
  };
  const listLeans = (row) => {
    const one = experiment(), place = $("e-leans");
    if (!one.leans) return fill(place, el("p", { class: "note" }, "Weights of training perturbations are not known for this experiment."));
    const leans = one.leans[row];
    if (!leans.length) return fill(place, el("p", { class: "note" }, "It leans on none: the network knows nothing of the gene, so that the prediction is the base alone."));
    const most = Math.max(...leans.map(([, weight]) => Math.abs(weight)));
    fill(place,
      el("table", { class: "leans" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Training perturbation"), el("th", { scope: "col" }, "Weight"), el("th", { scope: "col", class: "n" }, ""))),
        el("tbody", {}, ...leans.map(([other, weight]) => {
          const bar = el("span", { class: weight > 0 ? "weight up" : "weight down" });
          bar.style.width = `${(100 * Math.abs(weight)) / most}%`;
          return el("tr", {}, el("th", { scope: "row" }, el("button", { type: "button", class: "link", onclick: () => show(other) }, perturbations[other].name)),
            el("td", { class: "wide" }, bar), el("td", { class: "n" }, signed(weight)));
        }))),
      el("p", { class: "note" }, `A weight of 0.5 adds half of that perturbation's deviation from the mean. By ${one.note}; the model averages several kernels and penalties, so these are a guide.`));
  };
  const headOf = (row) => {
    const each = perturbations[row], one = experiment();
    const facts = [each.measured ? "measured; predicted by models that have not seen it" : "not measured: predicted from all perturbations"];
    if (each.silenced.join() !== each.name) facts.push(`silences ${each.silenced.join(" and ")}`);
    for (const [network, links] of Object.entries(each.links)) facts.push(`${plural(links, "link")} in ${network}`);
    if (each.cells !== null) facts.push(plural(each.cells, "cell"));
    if (each.left !== null) facts.push(`${Math.round(100 * each.left)} % of its expression left`);
    for (const name of ["pearson_mean", "discrimination_cosine"]) {
      const found = data.scores[name]?.[one.name]?.[row];
      if (found && known(found[0])) facts.push(`${metrics[name].title.toLowerCase()} ${estimate(found, metrics[name].digits)}`);
    }
    fill($("e-head"), el("h3", { class: "gene" }, each.name), el("p", { class: "note" }, facts.join(" · ")),
      ...each.warnings.map((text) => el("p", { class: "warning" }, text)));
  };
  const show = (row, jump = false) => {
    state.row = row;
    $("e-name").value = perturbations[row].name;
    headOf(row);
    drawAgreement(row);
    listTop(row);
    drawNetwork();
    listLeans(row);
    if (jump) { $("explorer").scrollIntoView(); $("e-name").focus({ preventScroll: true }); }
  };
  const names = perturbations.map((each) => each.name);
  // By name, by the silenced genes, and at last where capital letters do not count.
  const find = (list, name) => {
    const wanted = name.trim(), loud = wanted.toUpperCase();
    const silenced = (row) => perturbations[row].silenced.join(" ");
    const tries = [(row) => list[row] === wanted, (row) => list === names && silenced(row) === wanted,
      (row) => list[row].toUpperCase() === loud, (row) => list === names && silenced(row).toUpperCase() === loud];
    const rows = range(list.length);
    return tries.map((fits) => rows.find(fits)).find((row) => row !== undefined) ?? -1;
  };

  // --- Explorer: one response gene -------------------------------------------------------------
  const showGene = (gene, jump = false) => {
    state.gene = gene;
    $("g-name").value = genes[gene];
    const one = experiment(), quiet = colour("--point");
    const rows = range(measured).filter((row) => Number.isFinite(truth(row, gene)));
    const size = (row) => Math.abs(measuredChange(row, gene));
    const others = rows.filter((row) => !perturbations[row].own.includes(gene));
    const named = new Set(largest([...others], size, 10));
    const points = others.filter((row) => Number.isFinite(predicted(one, row, gene))).map((row) => ({
      row, name: names[row], x: measuredChange(row, gene), y: predictedChange(one, row, gene), size: named.has(row) ? 46 : 22,
      color: named.has(row) ? colour(measuredChange(row, gene) > 0 ? "--up" : "--down") : quiet, opacity: named.has(row) ? 1 : 0.55 }));
    const correlation = pearson(points);
    fill($("g-head"), el("p", { class: "note" }, `${genes[gene]} in ${plural(rows.length, "perturbation")}.` +
      (Number.isFinite(correlation) ? ` Correlation of predicted and measured changes: ${number(correlation)}.` : "") +
      rows.filter((row) => perturbations[row].own.includes(gene)).map((row) => ` It is silenced in ${names[row]}, not drawn: measured ${signed(measuredChange(row, gene))}, predicted ${signed(predictedChange(one, row, gene))}.`).join("")));
    $("gene-chart").hidden = !points.length;
    if (points.length)
      scatter("gene-chart", points, points.filter((each) => named.has(each.row)).sort((a, b) => size(b.row) - size(a.row)),
        [axisTitle("Measured"), axisTitle("Predicted")],
        `Predicted against measured changes of ${genes[gene]} over ${points.length} perturbations, by ${one.name}`,
        (datum) => datum.row !== undefined && show(datum.row));
    fill($("g-top"), el("table", { class: "top" }, el("caption", {}, "Largest measured changes"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Perturbation"), el("th", { scope: "col", class: "n" }, "Measured"), el("th", { scope: "col", class: "n" }, "Predicted"))),
      el("tbody", {}, ...largest([...others], size, 10).map((row) => el("tr", {},
        el("th", { scope: "row" }, el("button", { type: "button", class: "link", onclick: () => show(row, true) }, names[row])),
        el("td", { class: "n" }, signed(measuredChange(row, gene))),
        el("td", { class: "n" }, Number.isFinite(predicted(one, row, gene)) ? signed(predictedChange(one, row, gene)) : "–"))))));
    if (jump) { $("g-name").scrollIntoView({ block: "center" }); $("g-name").focus({ preventScroll: true }); }
  };

  // --- Explorer: any gene of the network -------------------------------------------------------
  const { every } = data;
  const everyMeasured = new Set(every?.measured);
  const showEvery = (place, jump = false) => {
    $("v-name").value = every.genes[place];
    const at = range(every.most).map((rank) => place * every.most + rank);
    const half = (title, sign) => {
      const chosen = at.filter((i) => sign * array("every-beyond")(i) > 0);
      return el("table", { class: "top" }, el("caption", {}, title),
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Gene"), el("th", { scope: "col", class: "n" }, "Predicted"),
          el("th", { scope: "col", class: "n", "data-tip": "What sets this gene apart: the prediction less what happens whatever gene is silenced, log2 units.", tabindex: "0" }, "Beyond the mean"),
          el("th", { scope: "col", class: "n", "data-tip": "Half the width of the interval that should hold 68 % of measurements, log2 units. A change that is smaller is nothing to rely on.", tabindex: "0" }, "± error"))),
        el("tbody", {}, ...chosen.map((i) => el("tr", {}, el("th", { scope: "row" }, every.names[array("every-genes")(i)]),
          ...["predicted", "beyond"].map((kind) => el("td", { class: "n" }, signed(array(`every-${kind}`)(i)))),
          el("td", { class: "n" }, number(array("every-error")(i)))))));
    };
    const row = find(names, every.genes[place]);
    const told = everyMeasured.has(place)
      ? [" is silenced in the screen: this prediction has seen its response. ", row < 0 ? null : el("button", { type: "button", class: "link", onclick: () => show(row, true) }, "See it predicted unseen.")]
      : [" was not silenced in the screen."];
    fill($("v-head"), el("h3", { class: "gene" }, every.genes[place]), el("p", { class: "note" }, every.genes[place], ...told.filter(Boolean),
      ` The ${plural(every.most, "change")} that are farthest from the mean of all predictions, log2 units.`));
    fill($("v-top"), el("div", { class: "halves" }, half("Up", 1), half("Down", -1)));
    if (jump) { $("every").scrollIntoView(); $("v-name").focus({ preventScroll: true }); }
  };

  // --- Start -----------------------------------------------------------------------------------
  const silencedNames = perturbations.filter((each) => each.silenced.join() !== each.name).map((each) => each.silenced.join(" "));
  $("names").append(...[...new Set([...names, ...silencedNames])].map((name) => el("option", { value: name })));
  $("genes").append(...genes.map((name) => el("option", { value: name })));
  $("e-experiment").append(...experiments.map((each) => option(each.name)));
  const again = () => { show(state.row); showGene(state.gene); };
  $("e-experiment").addEventListener("change", again);
  $("e-kind").addEventListener("change", again);
  const choose = (id, list, act, note) => $(id).addEventListener("change", () => {
    const place = find(list, $(id).value);
    if (place >= 0) act(place);
    else if ($(id).value.trim()) fill($(note), el("p", { class: "warning" }, `There is no ${$(id).value.trim()} here.`));
  });
  choose("e-name", names, show, "e-head");
  choose("g-name", genes, showGene, "g-head");
  if (every) {
    $("every-names").append(...every.genes.map((name) => option(name)));
    $("look-up-gene").setAttribute("list", "every-names");
    const among = new Set(every.genes);
    $("every-names").append(...names.filter((name) => !among.has(name)).map((name) => option(name)));
    choose("v-name", every.genes, showEvery, "v-head");
  }
  $("look-up").addEventListener("submit", (event) => {
    event.preventDefault();
    const place = find(names, $("look-up-gene").value);
    const further = place < 0 && every ? find(every.genes, $("look-up-gene").value) : -1;
    $("look-up-note").textContent = place >= 0 || further >= 0 ? "" : `There is no ${$("look-up-gene").value.trim() || "such gene"} among the perturbations${every ? ", nor among the genes of the network" : ""}.`;
    if (place >= 0) show(place, true);
    else if (further >= 0) showEvery(further, true);
  });
  drawComparison();
  if (Object.keys(data.curves).length) drawCurves();
  if (data.pairs.length) drawPairs();
  listPerturbations();
  drawOverview();
  // What is far below is drawn once it comes near: so the page opens at once.
  const later = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    later.disconnect();
    if (state.row === null && experiments.length) start();
  }, { rootMargin: "600px" });
  const start = () => {
    const first = experiments[0];
    const best = range(measured).filter((row) => range(G).some((gene) => Number.isFinite(predicted(first, row, gene))));
    // The perturbation of the largest response: the best predicted one would flatter.
    const row = largest(best.length ? best : [0], (row) => perturbations[row].size ?? 0, 1)[0];
    show(row);
    const spread = (gene) => { let sum = 0; for (let r = 0; r < measured; r++) { const d = truth(r, gene) - mean("truth")[gene]; if (d === d && !perturbations[r].own.includes(gene)) sum += d * d; } return sum; };
    showGene(largest(range(G), spread, 1)[0]);
  };
  if (experiments.length) later.observe($("explorer"));
  document.documentElement.dataset.ready = "true";
})();
