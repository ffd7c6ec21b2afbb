"use strict";
// The page: facts, pictures, the table of trials, the matrix of pairs; and, while it is live, loading
// itself again without losing the reader's place. What is drawn comes from figures.js.
(() => {
  const {themes, model: modelOf, applicable, specification, number, named, short, plural} = numgeomFigures;
  const find = (id) => document.getElementById(id);
  const model = modelOf(JSON.parse(find("document").textContent));
  const data = model.document;
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => (darkness.matches ? themes.dark : themes.light);

  /** An element with attributes (`text` is its text) and children. */
  function element(tag, {text, ...attributes} = {}, ...children) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // ---- What the reader did, kept over a reload ------------------------------------------------------

  const place = `numgeom:${location.pathname}`;
  const state = (() => {
    try {
      return JSON.parse(sessionStorage.getItem(place)) ?? {};
    } catch {
      return {};
    }
  })();
  function remember(changes) {
    Object.assign(state, changes);
    try {
      sessionStorage.setItem(place, JSON.stringify(state));
    } catch {
      // Without storage the page merely starts afresh.
    }
  }

  // ---- Certified digits -------------------------------------------------------------------------------

  /** A decimal number as mantissa · 10^exponent, both integers. */
  function decimal(text) {
    const parts = /^([+-]?)(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text);
    if (!parts) return null;
    const [, sign, whole, fraction = "", exponent = "0"] = parts;
    return {mantissa: BigInt(sign + whole + fraction), exponent: Number(exponent) - fraction.length};
  }

  /** ⌊x·10^places⌋ for up = 0, ⌈x·10^places⌉ for up = 1. */
  function scaled({mantissa, exponent}, places, up) {
    const shift = exponent + places;
    if (shift >= 0) return mantissa * 10n ** BigInt(shift);
    const unit = 10n ** BigInt(-shift);
    const down = mantissa / unit - (mantissa % unit < 0n ? 1n : 0n);
    return up && mantissa % unit !== 0n ? down + 1n : down;
  }

  function fixed(scaledValue, places) {
    const digits = String(scaledValue < 0n ? -scaledValue : scaledValue).padStart(places + 1, "0");
    return (scaledValue < 0n ? "-" : "") + digits.slice(0, digits.length - places) + (places ? "." + digits.slice(-places) : "");
  }

  /** The digits that both bounds share, and the rest of each, rounded outward: 0.62585[1,2]. */
  function certifiedDigits({lower, upper}, most = 13) {
    const [low, high] = [decimal(lower), decimal(upper)];
    if (!low || !high) return null;
    const width = Number(upper) - Number(lower);
    const bits = Math.floor(Math.log2(width)) + 1;
    const places = width > 0 ? Math.min(most, Math.max(1, Math.ceil(-bits * Math.log10(2)) + 1)) : most;
    const a = fixed(scaled(low, places, 0), places);
    const b = fixed(scaled(high, places, 1), places);
    let shared = 0;
    if (a.length === b.length) while (shared < a.length && a[shared] === b[shared]) ++shared;
    return {shared: a.slice(0, shared), rest: shared === a.length ? "" : `[${a.slice(shared)},${b.slice(shared)}]`};
  }

  const known = new WeakMap();
  function digitsOf(enclosure) {
    if (!known.has(enclosure)) known.set(enclosure, certifiedDigits(enclosure));
    return known.get(enclosure);
  }
  const digitsText = (enclosure) => {
    const digits = digitsOf(enclosure);
    return digits ? digits.shared + digits.rest : "unbounded";
  };

  // ---- Facts ------------------------------------------------------------------------------------------

  const trialOf = new Map(model.trials.map((trial) => [trial.number, trial]));
  const fact = (label, value, detail, alarm = false) => ({label, value, detail, alarm});

  /** Verdicts on all pairs of a certification, one character each. */
  const verdictAt = (i, j) => {
    const [a, b] = i < j ? [i, j] : [j, i];
    const kind = data.ranking.verdict_kinds[data.ranking.verdicts[a].charCodeAt(b - a - 1) - 35];
    if (!kind) return {less: "unknown", reason: "the document has no verdict"};
    return kind;
  };

  function countVerdicts() {
    let [all, open] = [0, 0];
    const undecided = new Set(data.ranking.verdict_kinds.flatMap((kind, i) => (kind.less === "undecided" ? [i + 35] : [])));
    for (const row of data.ranking.verdicts)
      for (let i = 0; i < row.length; ++i) {
        ++all;
        const code = row.charCodeAt(i);
        if (code === 33 || undecided.has(code)) ++open;
      }
    return {all, decided: all - open};
  }

  /** Whether the lower bound of one enclosure is above the upper bound of another: exactly, by decimals. */
  function apart(above, below) {
    const [x, y] = [Number(above.lower), Number(below.upper)];
    if (x !== y) return x > y;  // rounding keeps the order
    const [low, high] = [decimal(above.lower), decimal(below.upper)];
    if (!low || !high) return false;
    const places = Math.max(0, -low.exponent, -high.exponent);
    return scaled(high, places, 1) < scaled(low, places, 0);
  }

  /**
   * Is the exact loss of trial i less than that of trial j? By the verdict of the document on the pair;
   * where it refutes the opposite, both may be equal, and only bounds that are apart decide.
   */
  function lessThan(i, j) {
    const {less} = verdictAt(i, j);
    if (less !== "certified" && less !== "refuted") return "undecided";
    if (i < j) return less;
    if (less === "certified") return "refuted";
    return apart(trialOf.get(j).enclosure, trialOf.get(i).enclosure) ? "certified" : "undecided";
  }

  /** The first in the exact order, and whether it is proved to be less than every other one. */
  function certifiedWinner() {
    const first = model.order[0];
    if (first === undefined) return null;
    return {number: first, proved: model.order.every((other) => other === first || lessThan(first, other) === "certified")};
  }

  function certificationFacts() {
    const certified = model.trials.filter((trial) => trial.certified).length;
    const {all, decided} = countVerdicts();
    const winner = certifiedWinner();
    const flips = model.precisions.map((one) => model.flips[one].length);
    const sets = model.precisions.map((one) => model.members[one].size);
    return [
      fact("Trials certified", `${certified} of ${model.trials.length}`, "exact loss proved to the asked width", certified < model.trials.length),
      ...(winner ? [fact(winner.proved ? "Certified winner" : "First, not yet proved", `trial ${winner.number}`, `exact loss ${digitsText(trialOf.get(winner.number).enclosure)}`, !winner.proved)] : []),
      fact("Order decided", all === decided ? "completely" : `${decided.toLocaleString("en")} of ${all.toLocaleString("en")}`, `${plural(all, "pair")} of trials`, decided < all),
      fact("Native order flips", String(flips.reduce((a, b) => a + b, 0)), model.precisions.map((one, i) => `${flips[i]} in ${one}`).join(", "), flips.some((n) => n > 0)),
      fact("Indistinguishable", new Set(sets).size === 1 ? String(sets[0]) : sets.join(" / "), `${new Set(sets).size === 1 ? "" : `${model.precisions.join(" / ")}: `}trials that the errors cannot tell from the best`),
    ];
  }

  function searchFacts() {
    const {race} = data;
    const done = model.trials.filter((trial) => trial.runs[0].diverged || Number.isFinite(trial.runs[0].loss)).length;
    const running = model.trials.filter((trial) => trial.status === "running").length;
    const winner = race && race.winner !== null ? trialOf.get(race.winner) : null;
    const best = data.best === null ? null : trialOf.get(data.best);
    const others = [running ? `${running} running` : "", model.trials.length - done - running ? `${model.trials.length - done - running} failed` : ""];
    return [
      fact("Trials", String(done), ["trained", ...others].filter(Boolean).join(", ")),
      ...(best ? [fact("Least native loss", `trial ${best.number}`, `${short(best.runs[0].loss)} with ${numgeomFigures.settings(best)}`)] : []),
      ...(winner ? [fact(race.decided ? "Certified winner" : "Winner, verdicts open", `trial ${winner.number}`, `exact loss ${digitsText(winner.enclosure)}`, !race.decided)] : []),
      ...(race ? [fact("Certified", `${race.certified.full + race.certified.coarse} of ${model.trials.length}`, `${race.certified.full} in full, ${race.certified.coarse} as far as it mattered`),
        ...(winner ? [fact("Indistinguishable", String(race.indistinguishable.length), "trials that the errors cannot tell from the best")] : [])] : []),
      ...(!winner && data.reliable_pairs ? [fact("Order beyond both δ", `${data.reliable_pairs.reliable} of ${data.reliable_pairs.with_best}`, "pairs with the least loss")] : []),
    ];
  }

  function mapFacts() {
    const count = (verdict) => data.cells.filter((cell) => cell.verdict === verdict).length;
    const trained = data.cells.filter((cell) => cell.evaluated !== false).length;
    return [
      fact("Cells", String(data.cells.length), `${trained} trained, the others interpolated`),
      fact("Stable", String(count("stable")), `relative error ≤ ${data.tolerance} in ${data.precision}`),
      fact("Unstable", String(count("unstable")), "", count("unstable") > 0),
      fact("Undecided", String(count("undecided")), ""),
    ];
  }

  function writeHead() {
    const {problem, build} = data;
    const kind = {certify: "certified losses", search: "a search", map: "a map of stability"}[model.kind];
    const title = problem ? `${problem.dataset}: ${(problem.network ?? []).join(" – ")}` : data.study ?? "NumGeom";
    find("title").textContent = title;
    document.title = `${title} – NumGeom`;
    const words = problem ? [
      kind[0].toUpperCase() + kind.slice(1), data.study, problem.train && `${problem.train} training and ${problem.validation} validation rows`,
      problem.loss?.replaceAll("_", " "), problem.optimizer, problem.epochs && plural(problem.epochs, "epoch"), problem.batch && `batches of ${problem.batch}`,
    ] : [kind[0].toUpperCase() + kind.slice(1), model.trials.length && plural(model.trials.length, "trial")];
    find("subtitle").textContent = words.filter(Boolean).join(" · ");
    const facts = {certify: certificationFacts, search: searchFacts, map: mapFacts}[model.kind]();
    find("facts").replaceChildren(...facts.map(({label, value, detail, alarm}) =>
      element("div", alarm ? {class: "alarm"} : {}, element("dt", {text: label}), element("dd", {}, value, element("small", {text: detail})))));
    if (data.note) {
      find("note").textContent = data.note;
      find("note").hidden = false;
    }
    find("footer").textContent = [
      build && `NumGeom ${build.version}, ${build.compiler}, ${build.flags}, ${build.simd}.`,
      "Native losses are what this build computed; enclosures hold on any machine.",
    ].filter(Boolean).join(" ");
  }

  // ---- Pictures ---------------------------------------------------------------------------------------

  const figures = applicable(model);
  const wide = new Set(figures.filter((figure) => figure.wide?.(model)));
  // No figure stands beside an empty place.
  const narrow = figures.filter((figure) => !wide.has(figure));
  if (narrow.length % 2 === 1) wide.add(narrow.at(-1));

  const slots = figures.map((figure) => {
    const chart = element("div", {class: "chart"});
    const title = element("h2", {text: figure.title, id: `${figure.id}-title`});
    const attributes = {id: figure.id, "aria-labelledby": `${figure.id}-title`, ...(wide.has(figure) ? {class: "wide"} : {})};
    const caption = element("figcaption", {text: figure.caption(model)});
    find("figures").append(element("figure", attributes, title, chart, caption));
    return {figure, chart, width: 0, view: null};
  });

  find("hint").hidden = slots.length === 0;

  /** Canvas where there are very many marks. */
  const renderer = () => (model.trials.length > 300 ? "canvas" : "svg");

  async function draw(slot) {
    slot.width = Math.max(220, Math.floor(slot.chart.clientWidth));
    slot.view?.finalize();
    const spec = specification(slot.figure, model, theme(), slot.width - 8);
    const result = await vegaEmbed(slot.chart, spec, {
      renderer: renderer(), actions: {export: true, source: false, compiled: false, editor: false}, 
      downloadFileName: `numgeom-${slot.figure.id}`, tooltip: {disableDefaultStyle: true}, i18n: {SVG_ACTION: "Save as SVG", PNG_ACTION: "Save as PNG", CLICK_TO_VIEW_ACTIONS: "Save the picture"},
    });
    slot.view = result;
    slot.chart.querySelector("summary")?.setAttribute("aria-label", `Save “${slot.figure.title}”`);
    slot.chart.querySelector("svg.marks, canvas.marks")?.setAttribute("aria-label", slot.figure.title);
  }

  const breath = () => new Promise((resolve) => setTimeout(resolve));

  async function drawAll() {
    for (const slot of slots) {
      await breath();
      await draw(slot);
    }
    document.documentElement.dataset.drawn = "true";
  }

  let pending = null;
  function drawSoon() {
    clearTimeout(pending);
    pending = setTimeout(async () => {
      for (const slot of slots) if (Math.abs(slot.chart.clientWidth - slot.width) > 4) await draw(slot);
      drawMatrix();
    }, 200);
  }

  // ---- The table of trials ----------------------------------------------------------------------------

  /** Columns: label, value to sort by, cell's text or node, and whether it is text. */
  function columnsOf() {
    const names = [...new Set(model.trials.flatMap((trial) => Object.keys(trial.parameters)))];
    const many = model.precisions.length > 1;
    const run = (trial, precision) => trial.runs.find((one) => one.precision === precision);
    const finite = (x, digits) => (Number.isFinite(x) ? String(Number(x.toPrecision(digits))) : "–");
    const estimators = [...new Set(model.trials.flatMap((trial) => trial.runs.flatMap((one) => Object.keys(one.estimates))))];
    const enclosed = model.trials.some((trial) => trial.enclosure);
    return [
      {label: "Trial", value: (trial) => trial.number, show: (trial) => String(trial.number)},
      ...names.map((name) => ({label: named(name), value: (trial) => trial.parameters[name], show: (trial) => (trial.parameters[name] === undefined ? "–" : short(trial.parameters[name])),
        text: model.trials.some((trial) => typeof trial.parameters[name] === "string")})),
      ...(enclosed ? [{label: "Exact loss, certified digits", value: (trial) => trial.exact, digits: true, show: (trial) => (trial.enclosure ? digitsText(trial.enclosure) : "–")}] : []),
      {label: "Status", value: (trial) => trial.status, show: (trial) => trial.status, text: true, status: true},
      ...model.precisions.flatMap((precision) => {
        const prefix = many ? `${precision} ` : "";
        return [
          {label: many ? `${prefix}loss` : "Native loss", value: (trial) => run(trial, precision)?.loss,
            show: (trial) => (run(trial, precision)?.diverged ? "diverged" : finite(run(trial, precision)?.loss, 9))},
          {label: many ? `${prefix}error` : "Certified error", value: (trial) => run(trial, precision)?.error.upper,
            show: (trial) => (Number.isFinite(run(trial, precision)?.error.upper) ? run(trial, precision).error.upper.toExponential(2) : "–")},
          ...estimators.map((name) => ({label: `${prefix}${named(name)}`, value: (trial) => run(trial, precision)?.estimates[name],
            show: (trial) => (Number.isFinite(run(trial, precision)?.estimates[name]) ? run(trial, precision).estimates[name].toExponential(1) : "–")})),
        ];
      }),
      ...(model.kind === "certify" ? [{label: "Enclosed by", value: (trial) => trial.enclosure.rung?.bits, text: true,
        show: (trial) => (trial.enclosure.rung ? `${trial.enclosure.rung.way} ${trial.enclosure.rung.arithmetic} ${trial.enclosure.rung.bits}` : "–")}] : []),
    ];
  }

  const columns = columnsOf();
  const best = model.kind === "certify" ? model.order[0] : data.race?.winner ?? data.best;

  function cellOf(column, trial) {
    const shown = column.show(trial);
    const classes = [column.text ? "text" : "", column.digits ? "digits" : "", column.status ? `status ${trial.status}` : ""];
    const cell = element("td", {class: classes.filter(Boolean).join(" ")});
    const digits = column.digits && trial.enclosure ? digitsOf(trial.enclosure) : null;
    if (digits) cell.append(digits.shared, element("i", {text: digits.rest}));
    else cell.textContent = shown;
    if (column.status && trial.enclosure?.reason) cell.title = trial.enclosure.reason;
    return {cell, shown};
  }

  const rows = model.trials.map((trial) => {
    const cells = columns.map((column) => cellOf(column, trial));
    const row = element("tr", trial.number === best ? {class: "best"} : {}, ...cells.map(({cell}) => cell));
    return {trial, row, words: cells.map(({shown}) => shown).join(" ").toLowerCase()};
  });

  /** Numbers by size, then words; what is missing last in either direction. */
  function compare(a, b, sign) {
    const missing = (x) => x === undefined || x === null || Number.isNaN(x);
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    if (typeof a === "number" && typeof b === "number") return sign * (a < b ? -1 : a > b ? 1 : 0);
    return sign * String(a).localeCompare(String(b), "en", {numeric: true});
  }

  function sortRows(label, direction) {
    const column = columns.find((one) => one.label === label) ?? columns[0];
    const sign = direction === "descending" ? -1 : 1;
    rows.sort((x, y) => compare(column.value(x.trial), column.value(y.trial), sign) || x.trial.number - y.trial.number);
    find("table").tBodies[0].replaceChildren(...rows.map((one) => one.row));
    for (const th of find("table").tHead.rows[0].cells) {
      if (th.dataset.label === column.label) th.setAttribute("aria-sort", direction);
      else th.removeAttribute("aria-sort");
    }
    remember({sort: column.label, direction});
  }

  function filterRows() {
    const words = find("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const status = find("status").value;
    let shown = 0;
    for (const one of rows) {
      const keep = words.every((word) => one.words.includes(word)) && (!status || one.trial.status === status);
      one.row.hidden = !keep;
      shown += keep;
    }
    find("count").textContent = `${shown} of ${plural(rows.length, "trial")}`;
    remember({filter: find("filter").value, status});
  }

  function buildTable() {
    if (rows.length === 0) return;
    find("trials").hidden = false;
    find("table-caption").textContent = "Trials: hyperparameters, native losses, certified errors, estimates, certified digits of the exact loss. Column heads sort.";
    const head = element("tr");
    for (const column of columns) {
      const button = element("button", {type: "button", text: column.label});
      const th = element("th", {scope: "col", "data-label": column.label, ...(column.text ? {class: "text"} : {})}, button);
      button.addEventListener("click", () => sortRows(column.label, th.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending"));
      head.append(th);
    }
    find("table").tHead.replaceChildren(head);
    for (const status of new Set(model.trials.map((trial) => trial.status))) find("status").append(element("option", {value: status, text: status}));
    find("filter").value = state.filter ?? "";
    find("status").value = state.status ?? "";
    if (find("status").selectedIndex < 0) find("status").value = "";
    find("filter").addEventListener("input", filterRows);
    find("status").addEventListener("change", filterRows);
    const first = model.kind === "certify" ? columns.find((one) => one.digits) : columns.find((one) => one.label === "Native loss");
    sortRows(state.sort ?? first.label, state.direction ?? "ascending");
    filterRows();
  }

  // ---- The matrix of pairs ----------------------------------------------------------------------------

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const matrix = {precision: model.precisions[0], at: [0, 1], block: 1, cell: 1, count: 0, flips: new Set()};
  /** The most doubtful of several verdicts is shown. */
  const doubt = ["none", "certified", "refuted", "flip", "undecided"];

  /** Verdict on "the row's exact loss is less than the column's", places in the exact order. */
  function verdictOf(row, column) {
    const [i, j] = [model.order[row], model.order[column]];
    if (i === j) return "none";
    const verdict = lessThan(i, j);
    return verdict !== "undecided" && matrix.flips.has(`${i},${j}`) ? "flip" : verdict;
  }

  function blockVerdict(row, column) {
    let worst = 0;
    for (let i = row * matrix.block; i < Math.min((row + 1) * matrix.block, model.order.length); ++i)
      for (let j = column * matrix.block; j < Math.min((column + 1) * matrix.block, model.order.length); ++j)
        worst = Math.max(worst, doubt.indexOf(verdictOf(i, j)));
    return doubt[worst];
  }

  function drawMatrix() {
    if (find("pairs").hidden) return;
    const n = model.order.length;
    const canvas = find("matrix");
    const room = Math.min(640, canvas.parentElement.clientWidth);
    matrix.block = Math.ceil(n / Math.floor(room / 2));
    matrix.count = Math.ceil(n / matrix.block);
    matrix.cell = Math.max(1, Math.min(28, Math.floor(room / matrix.count)));
    matrix.flips = new Set(model.flips[matrix.precision].flatMap((flip) => [`${flip.native_better},${flip.exact_better}`, `${flip.exact_better},${flip.native_better}`]));
    const size = matrix.cell * matrix.count;
    const ratio = window.devicePixelRatio || 1;
    [canvas.width, canvas.height] = [size * ratio, size * ratio];
    [canvas.style.width, canvas.style.height] = [`${size}px`, `${size}px`];
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const shades = {none: color("none"), certified: color("certified"), refuted: color("refuted"), flip: color("alarm"), undecided: color("undecided")};
    const gap = matrix.cell > 6 ? 1 : 0;
    for (let row = 0; row < matrix.count; ++row)
      for (let column = 0; column < matrix.count; ++column) {
        context.fillStyle = shades[blockVerdict(row, column)];
        context.fillRect(column * matrix.cell, row * matrix.cell, matrix.cell - gap, matrix.cell - gap);
      }
    find("pairs-caption").textContent = "Rows and columns are trials in the order of their exact losses, the least first: is the exact loss of the row less than that of the column? " +
      (matrix.block > 1 ? `With ${n} trials each cell stands for ${matrix.block} × ${matrix.block} pairs and shows the most doubtful of them. ` : "") + "Point at a cell, or move with the arrow keys.";
    canvas.setAttribute("aria-label", `Verdicts on all pairs of ${n} trials`);
  }

  function tellPair(row, column) {
    const last = matrix.count - 1;
    matrix.at = [Math.max(0, Math.min(last, row)), Math.max(0, Math.min(last, column))];
    const [i, j] = matrix.at.map((place) => model.order[place * matrix.block]);
    const said = find("pair");
    if (matrix.block > 1) {
      const ends = matrix.at.map((place) => `${place * matrix.block + 1} to ${Math.min((place + 1) * matrix.block, model.order.length)}`);
      said.textContent = `Places ${ends[0]} against ${ends[1]}: the most doubtful pair is ${blockVerdict(...matrix.at)}.`;
    } else if (i === j) {
      said.textContent = `Trial ${i}: exact loss ${digitsText(trialOf.get(i).enclosure)}`;
    } else {
      const verdict = lessThan(i, j);
      const words = {certified: "is certainly less than", refuted: "is certainly not less than", undecided: "cannot be told from"}[verdict];
      const tail = verdict === "undecided" ? `: ${verdictAt(i, j).reason}` : verdictOf(...matrix.at) === "flip" ? `; in ${matrix.precision} it is the other way round` : "";
      said.textContent = `The exact loss of trial ${i} ${words} that of trial ${j}${tail}.`;
    }
  }

  const arrows = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};

  function buildMatrix() {
    if (model.kind !== "certify" || model.order.length < 2) return;
    find("pairs").hidden = false;
    const legend = [["certified", "certainly less"], ["refuted", "certainly not less"], ["undecided", "undecided"], ["alarm", "certain, but natively the other way round"]];
    find("pairs-legend").replaceChildren(...legend.map(([name, text]) => element("li", {}, element("i", {style: `background: var(--${name})`}), text)));
    if (model.precisions.length > 1) {
      const select = element("select", {id: "pairs-precision"}, ...model.precisions.map((one) => element("option", {value: one, text: one})));
      select.addEventListener("change", () => {
        matrix.precision = select.value;
        drawMatrix();
      });
      find("pairs-controls").append(element("label", {}, "Flips of ", select));
    }
    const canvas = find("matrix");
    canvas.addEventListener("pointermove", (event) => tellPair(Math.floor(event.offsetY / matrix.cell), Math.floor(event.offsetX / matrix.cell)));
    canvas.addEventListener("focus", () => tellPair(...matrix.at));
    canvas.addEventListener("keydown", (event) => {
      const step = arrows[event.key];
      if (!step) return;
      event.preventDefault();
      tellPair(matrix.at[0] + step[0], matrix.at[1] + step[1]);
    });
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      drawMatrix();
    }, {rootMargin: "200px"}).observe(find("pairs"));
  }

  // ---- Live -------------------------------------------------------------------------------------------

  function live() {
    if (document.documentElement.dataset.live !== "true") return;
    const seconds = 4;
    const button = find("pause");
    const show = () => {
      button.textContent = state.paused ? "paused" : "live";
      button.setAttribute("aria-pressed", String(Boolean(state.paused)));
      button.title = state.paused ? "Go on loading this page again" : `Loads itself again every ${seconds} seconds; press to pause`;
    };
    find("live").hidden = false;
    button.addEventListener("click", () => {
      remember({paused: !state.paused});
      show();
    });
    show();
    const busy = () => state.paused || document.hidden || document.querySelector("details[open], input:focus, select:focus");
    setInterval(() => {
      if (!busy()) location.reload();
    }, seconds * 1000);
  }

  // ---- All of it --------------------------------------------------------------------------------------

  history.scrollRestoration = "manual";
  addEventListener("pagehide", () => remember({scroll: scrollY}));
  addEventListener("resize", drawSoon);
  darkness.addEventListener("change", () => {
    drawAll();
    drawMatrix();
  });
  writeHead();
  buildTable();
  buildMatrix();
  performance.mark("usable");
  drawAll().then(() => {
    if (state.scroll) scrollTo({top: state.scroll, behavior: "instant"});
    live();
  });
})();
