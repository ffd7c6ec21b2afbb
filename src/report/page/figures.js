"use strict";
// The figures of a report: pure functions from a document to Vega-Lite specifications, shared by the
// page and by node. To add a figure, add an entry to `registry`:
//   id       name of its file and anchor
//   title    what the reader sees above it
//   applies  model → whether the document has what it takes
//   wide     model → whether it takes the whole row (optional)
//   draw     (model, theme, width) → specification without size, background and config
//   caption  model → what it shows, in words; also its description for those who cannot see it
const numgeomFigures = (() => {
  // Okabe and Ito's colours, which colour-blind readers tell apart; `accent` is the one of the page.
  const themes = {
    light: {
      ink: "#1c2430", muted: "#566071", grid: "#e7eaef", surface: "#ffffff", accent: "#0b64b0",
      quiet: "#8a98aa", alarm: "#c14a09", good: "#00795a",
      series: ["#0b64b0", "#c77700", "#00795a", "#a8487d", "#3e8fc4", "#6b6f76"],
      scheme: "viridis",
    },
    dark: {
      ink: "#e9edf3", muted: "#a5b0bf", grid: "#2a323d", surface: "#151a21", accent: "#6cb6ff",
      quiet: "#7d8b9d", alarm: "#ff9350", good: "#3fc89b",
      series: ["#6cb6ff", "#f2b035", "#3fc89b", "#e08fbb", "#9fd3f5", "#b5bac2"],
      scheme: "viridis",
    },
  };
  const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";

  function config(theme, width) {
    const axis = {
      domain: false, ticks: false, grid: true, gridColor: theme.grid, labelColor: theme.muted,
      titleColor: theme.muted, titleFontWeight: "normal", labelFontSize: 11, titleFontSize: 12,
      labelPadding: 6, titlePadding: 10, labelFlush: false, tickCount: 6,
    };
    return {
      font, axis, view: {stroke: null}, background: "transparent", padding: 4,
      legend: {
        orient: "top", direction: "horizontal", labelColor: theme.ink, titleColor: theme.muted,
        titleFontWeight: "normal", labelFontSize: 12, titleFontSize: 12, symbolSize: 70,
        titleLimit: 0, labelLimit: 0, columnPadding: 16, offset: 8, ...(width < 420 ? {columns: 1} : {}),
      },
      header: {labelColor: theme.ink, titleColor: theme.muted, labelFontSize: 12},
      title: {color: theme.ink, fontSize: 12, fontWeight: 600, anchor: "start", offset: 10},
      text: {color: theme.muted, fontSize: 11},
      range: {category: theme.series},
      params: [],
    };
  }

  // ---- The document, told in one way whatever it is of ----------------------------------------

  /** A number of a document: infinities and NaN are strings there. */
  function number(x) {
    if (typeof x === "number") return x;
    return {"inf": Infinity, "-inf": -Infinity}[x] ?? NaN;
  }

  function middle(enclosure) {
    const [low, high] = [Number(enclosure.lower), Number(enclosure.upper)];
    return Number.isFinite(low) && Number.isFinite(high) ? low + (high - low) / 2 : NaN;
  }

  function errorOf(error) {
    return error ? {lower: number(error.lower), upper: number(error.upper)} : {lower: 0, upper: Infinity};
  }

  function certifiedTrial(trial, i) {
    return {
      number: i, parameters: trial.configuration, enclosure: trial.enclosure,
      exact: middle(trial.enclosure), certified: trial.enclosure.status === "certified",
      status: trial.enclosure.status, seed: trial.seed,
      runs: trial.native.map((run) => ({
        precision: run.precision, loss: number(run.loss), diverged: run.status !== "ok",
        error: errorOf(run.certified_error),
        estimates: Object.fromEntries(
          Object.entries(run.estimates).map(([name, value]) => [name, number(value)])),
      })),
    };
  }

  function searchedTrial(trial) {
    const known = trial.enclosure && Number.isFinite(middle(trial.enclosure));
    const error = errorOf(known ? trial.certified_error : null);
    const delta = trial.delta === undefined ? NaN : number(trial.delta);
    const isEstimate = Number.isFinite(delta) && delta !== error.upper;
    return {
      number: trial.number, parameters: trial.parameters, enclosure: known ? trial.enclosure : null,
      exact: known ? middle(trial.enclosure) : NaN,
      certified: Boolean(known) && trial.enclosure.status === "certified",
      status: known ? trial.enclosure.status : trial.status, delta,
      runs: [{
        precision: "native", loss: trial.loss === undefined ? NaN : number(trial.loss),
        diverged: trial.status === "diverged", error, estimates: isEstimate ? {phi: delta} : {},
      }],
    };
  }

  function certification(document) {
    const native = document.ranking.native;
    return {
      trials: document.trials.map(certifiedTrial), order: document.ranking.order,
      precisions: native.map((one) => one.precision),
      members: Object.fromEntries(native.map((one) => [one.precision, new Set(one.indistinguishable)])),
      flips: Object.fromEntries(native.map((one) => [one.precision, one.flips])),
    };
  }

  function search(document) {
    const members = document.race ? document.race.indistinguishable : [];
    return {
      trials: document.trials.map(searchedTrial), order: [], precisions: ["native"],
      members: {native: new Set(members)}, flips: {native: []},
    };
  }

  /** What the figures and the page read: `kind`, `document`, `trials`, `precisions`, … */
  function model(document) {
    const told = {certify: certification, search}[document.kind];
    const nothing = {trials: [], order: [], precisions: [], members: {}, flips: {}};
    return {kind: document.kind, document, ...(told ? told(document) : nothing)};
  }

  // ---- Parts of specifications ------------------------------------------------------------------

  const names = {phi: "Φ", phi_seed: "Φ_seed", lr: "learning rate", weight_decay: "weight decay"};
  const named = (name) => names[name] ?? name.replaceAll("_", " ");
  const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
  const positive = (x) => Number.isFinite(x) && x > 0;

  function short(value) {
    if (typeof value !== "number") return String(value);
    if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
    return Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5
      ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  }

  const settings = (trial) =>
    Object.entries(trial.parameters).map(([name, value]) => `${named(name)} ${short(value)}`).join(", ");

  /** Logarithmic where values are positive and span more than a factor of 30. */
  function scaleOf(values, padding = 0.04) {
    const finite = values.filter(Number.isFinite);
    const [low, high] = [Math.min(...finite), Math.max(...finite)];
    const log = low > 0 && high > 30 * low;
    if (log) {
      const margin = (high / low) ** padding;
      return {type: "log", domain: [low / margin, high * margin], nice: false};
    }
    const margin = (high - low || Math.abs(high) || 1) * padding;
    return {type: "linear", domain: [low - margin, high + margin], zero: false, nice: false};
  }

  /** Lines at powers of ten, faint ones between them. */
  const power = {format: "~e", labelOverlap: "greedy", labelSeparation: 8, gridOpacity: {
    condition: {test: "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6", value: 1}, value: 0.25}};
  const axisOf = (scale, title) => ({title, ...(scale.type === "log" ? power : {})});
  const logScale = (values) => {
    const scale = scaleOf(values);
    return {...scale, type: "log", domain: scale.type === "log" ? scale.domain
      : [Math.min(...values) / 2, Math.max(...values) * 2]};
  };

  const tip = (field, title, format) =>
    ({field, title, type: format ? "quantitative" : "nominal", ...(format ? {format} : {})});
  const trialTips = [tip("trial", "trial"), tip("settings", "with")];

  /** Drag to pan; wheel with Ctrl, or two fingers, to zoom; double click to go back. */
  const zoom = {
    name: "zoom",
    select: {type: "interval", zoom: "wheel![event.ctrlKey]"},
    bind: "scales",
  };

  const precisionChoice = (m) => m.precisions.length < 2 ? [] : [{
    name: "precision", value: m.precisions[0],
    bind: {input: "select", options: m.precisions, name: "Precision "},
  }];
  const ofPrecision = (m) =>
    m.precisions.length < 2 ? [] : [{filter: "datum.precision === precision"}];

  /** Every native run that gave a loss, for one precision or all. */
  function runs(m) {
    return m.trials.flatMap((trial) => trial.runs.filter((run) => Number.isFinite(run.loss)).map(
      (run) => ({
        trial: trial.number, settings: settings(trial), precision: run.precision, loss: run.loss,
        lower: run.error.lower, upper: run.error.upper, exact: trial.exact,
        delta: Number.isFinite(run.error.upper) ? run.error.upper : trial.delta,
        proved: Number.isFinite(run.error.upper),
        member: m.members[run.precision].has(trial.number), estimates: run.estimates,
      })));
  }

  /** Smaller and lighter where there are very many. */
  const many = (m) => m.trials.length > 200;
  const dots = (m, size) => (many(m) ? {size: size / 3, opacity: 0.6, strokeWidth: 0.3} : {size, opacity: 0.95, strokeWidth: 1});

  // ---- Loss against uncertainty -----------------------------------------------------------------

  /** Those that no other beats in loss and in error at once, the least loss first. */
  function front(points) {
    let least = Infinity;
    const sorted = [...points].sort((a, b) => a.loss - b.loss || a.error - b.error);
    return sorted.filter((one) => one.error < least && ((least = one.error), true));
  }

  function uncertain(m) {
    const points = runs(m).filter((run) => positive(run.delta)).map(({estimates, ...run}) => ({
      ...run, error: run.delta, left: run.proved && run.lower > 0 ? run.lower : run.delta,
      low: run.loss - run.delta, high: run.loss + run.delta,
    }));
    for (const precision of m.precisions)
      for (const one of front(points.filter((point) => point.precision === precision))) one.front = true;
    for (const one of points)
      one.standing = one.member ? "indistinguishable from the best" : one.front ? "front" : "beaten";
    return points;
  }

  const standings = ["indistinguishable from the best", "front", "beaten"];

  function drawUncertainty(m, theme) {
    const points = uncertain(m);
    const y = scaleOf(points.map((one) => one.loss));
    const x = {field: "error", type: "quantitative", scale: {type: "log", nice: false, padding: 16},
      axis: {title: "certified error of the loss", ...power}};
    const yOf = {field: "loss", type: "quantitative", scale: y, axis: axisOf(y, "native validation loss")};
    return {
      height: 340, data: {values: points}, params: precisionChoice(m), transform: ofPrecision(m),
      layer: [
        {transform: [{filter: "datum.front"}], mark: {type: "line", interpolate: "step-before", color: theme.accent, strokeWidth: 1.5, opacity: 0.7},
          encoding: {x, y: yOf, order: {field: "loss"}}},
        {mark: {type: "rule", clip: true, color: theme.quiet, opacity: 0.7},
          encoding: {x, y: {...yOf, field: "low"}, y2: {field: "high"}}},
        {mark: {type: "rule", clip: true, color: theme.quiet, opacity: 0.7},
          encoding: {x: {...x, field: "left"}, x2: {field: "error"}, y: yOf}},
        {params: [zoom], mark: {type: "point", filled: true, clip: true, stroke: theme.surface, ...dots(m, 70)},
          encoding: {
            x, y: yOf,
            color: {field: "standing", type: "nominal", title: null, scale: {domain: standings, range: [theme.alarm, theme.accent, theme.quiet]}},
            shape: {field: "standing", type: "nominal", title: null, scale: {domain: standings, range: ["diamond", "circle", "circle"]}},
            tooltip: [...trialTips, tip("precision", "precision"), tip("loss", "loss", ".9~g"), tip("error", "certified error", ".3~e"), tip("standing", "standing")],
          }},
      ],
    };
  }

  function captionUncertainty(m) {
    const shown = uncertain(m);
    const unproved = shown.filter((one) => !one.proved).length;
    return "Each point is a native run. Left is certain, low is good; the line is the front that no " +
      "other run beats in both. Bars are what is proved: loss ± certified error." +
      (unproved > 0 ? ` For ${plural(unproved, "run")} nothing is proved yet; its δ stands in.` : "");
  }

  // ---- Exact order against native order -----------------------------------------------------------

  function ranked(m) {
    const exact = new Map(m.order.map((trial, rank) => [trial, rank + 1]));
    return m.precisions.flatMap((precision) => {
      const flipped = new Set(m.flips[precision].flatMap((flip) => [flip.native_better, flip.exact_better]));
      const order = m.trials.map((trial) => ({trial, loss: trial.runs.find((run) => run.precision === precision)?.loss}))
        .sort((a, b) => (Number.isFinite(a.loss) ? a.loss : Infinity) - (Number.isFinite(b.loss) ? b.loss : Infinity) || 0);
      return order.flatMap(({trial, loss}, i) => [["exact", exact.get(trial.number)], ["native", i + 1]].map(
        ([side, rank]) => ({
          side, rank, precision, trial: trial.number, settings: settings(trial),
          loss: side === "exact" ? trial.exact : loss, flip: flipped.has(trial.number),
          place: `exact ${exact.get(trial.number)}, native ${i + 1}`,
        })));
    });
  }

  function drawRanks(m, theme, width) {
    const few = m.trials.length <= 40;
    const rank = {field: "rank", type: "quantitative", axis: null,
      scale: {reverse: true, domain: [0.5, m.trials.length + 0.5], nice: false, zero: false}};
    const x = {field: "side", type: "nominal", sort: ["exact", "native"], title: null,
      scale: {type: "point", padding: 0.35},
      axis: {orient: "top", grid: false, labelAngle: 0, labelFontSize: 12, labelExpr: "datum.label + ' order'"}};
    const color = {condition: {test: "datum.flip", value: theme.alarm}, value: theme.quiet};
    const tooltip = [...trialTips, tip("place", "place"), tip("loss", "loss", ".9~g")];
    const label = (side, align, dx) => ({
      transform: [{filter: `datum.side === '${side}'`}],
      mark: {type: "text", align, dx, fontSize: 11},
      encoding: {x, y: rank, text: {field: "trial"}, color: {...color, value: theme.muted}, tooltip},
    });
    const panel = (precision, size) => ({
      width: size, height: Math.min(520, Math.max(300, 18 * m.trials.length)), title: precision,
      transform: [{filter: `datum.precision === '${precision}'`}],
      layer: [
        {mark: {type: "line", strokeCap: "round"}, encoding: {x, y: rank, detail: {field: "trial"}, color,
          strokeWidth: {condition: {test: "datum.flip", value: few ? 2.5 : many(m) ? 0.4 : 1.2}, value: few ? 1.25 : 0.5},
          opacity: {condition: {test: "datum.flip", value: many(m) ? 0.6 : 1}, value: few ? 0.75 : 0.35}, tooltip}},
        {mark: {type: "point", filled: true, opacity: 1}, encoding: {x, y: rank, color, size: {value: few ? 42 : 8}, tooltip}},
        ...(few ? [label("exact", "right", -10), label("native", "left", 10)] : []),
      ],
    });
    const gap = 24;
    const columns = Math.max(1, Math.min(m.precisions.length, Math.floor((width + gap) / 220)));
    const size = Math.min(360, Math.floor((width - gap * (columns - 1)) / columns) - 8);
    return {data: {values: ranked(m)}, columns, spacing: gap, concat: m.precisions.map((one) => panel(one, size))};
  }

  function captionRanks(m) {
    const flips = m.precisions.map((one) => `${m.flips[one].length} in ${one}`).join(", ");
    return "Each line is a trial: left its place in the order of exact losses, right in the order of " +
      `native ones, the best on top. Certified flips (orange: pairs that native arithmetic orders wrongly): ${flips}.`;
  }

  // ---- Estimates against certified errors ---------------------------------------------------------

  function estimated(m) {
    return runs(m).filter((run) => run.proved && positive(run.upper)).flatMap(({estimates, ...run}) =>
      Object.entries(estimates).filter(([, value]) => positive(value)).map(([name, value]) => ({
        ...run, left: run.lower > 0 ? run.lower : run.upper, estimator: named(name), value,
        ratio: value / run.upper, kind: `${named(name)}${m.precisions.length > 1 ? ", " + run.precision : ""}`,
      })));
  }

  /** Estimates above this are drawn on the upper edge. */
  const edgeOf = (points) => 1e4 * Math.max(...points.map((one) => one.upper));

  function drawEstimates(m, theme) {
    const edge = edgeOf(estimated(m));
    const points = estimated(m).map((one) => ({...one, y: Math.min(one.value, edge)}));
    const x = {field: "upper", type: "quantitative", scale: logScale(points.map((one) => one.upper)), axis: {title: "certified error δ⁺", ...power}};
    const y = {field: "y", type: "quantitative", scale: logScale(points.flatMap((one) => [one.upper, one.y])), axis: {title: "estimate", ...power}};
    const line = [1, 50].flatMap((factor) => x.scale.domain.map((end) => ({factor: `${factor}×`, x: end, y: factor * end})));
    const estimators = [...new Set(points.map((one) => one.estimator))];
    return {
      height: 360, layer: [
        {data: {values: line}, mark: {type: "line", clip: true, color: theme.muted, strokeWidth: 1},
          encoding: {x: {...x, field: "x"}, y, strokeDash: {field: "factor", type: "nominal", title: null,
            scale: {domain: ["1×", "50×"], range: [[1, 0], [5, 4]]}, legend: {symbolStrokeColor: theme.muted, symbolType: "stroke"}}}},
        {data: {values: points.filter((one) => one.left < 0.9 * one.upper)}, mark: {type: "rule", clip: true, color: theme.quiet, opacity: 0.6},
          encoding: {x: {...x, field: "left"}, x2: {field: "upper"}, y}},
        {data: {values: points}, params: [zoom], mark: {type: "point", clip: true, ...dots(m, 48), strokeWidth: many(m) ? 0.8 : 1.75},
          encoding: {
            x, y, color: {field: "estimator", type: "nominal", title: null, scale: {domain: estimators, range: theme.series}},
            shape: m.precisions.length > 1 ? {field: "precision", type: "nominal", title: null, legend: {symbolStrokeColor: theme.muted},
              scale: {domain: m.precisions, range: ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]}} : {value: "circle"},
            tooltip: [...trialTips, tip("kind", "estimate"), tip("value", "value", ".3~e"), tip("upper", "certified error", ".3~e"), tip("ratio", "ratio", ".3~g")],
          }},
      ],
    };
  }

  function captionEstimates(m) {
    const shown = estimated(m);
    const edge = edgeOf(shown);
    const beyond = shown.filter((one) => one.value > edge).length;
    const all = runs(m).reduce((sum, run) => sum + Object.keys(run.estimates).length, 0);
    const scores = (m.document.estimators ?? []).map((one) =>
      `${named(one.estimator)} in ${one.precision} covers ${one.covered} of ${one.trials}, in the median ${short(number(one.median_overestimation))} times the error`);
    if (scores.length === 0) scores.push(`${shown.filter((one) => one.value >= one.upper).length} of ${shown.length} estimates cover the error`);
    return "Above the solid line (1×) an estimate covers the true error; the dashed one is 50 times that. " +
      scores.join("; ") + "." + (shown.length < all ? ` Not drawn: ${all - shown.length} without a positive certified error or a finite estimate.` : "") +
      (beyond > 0 ? ` On the upper edge: ${plural(beyond, "estimate")} beyond ${short(edge)}.` : "");
  }

  // ---- The search, trial by trial -------------------------------------------------------------------

  function history(m) {
    let best = null;
    return runs(m).sort((a, b) => a.trial - b.trial).map(({estimates, ...run}) => {
      if (best === null || run.loss < best.loss) best = run;
      const delta = Number.isFinite(best.delta) ? best.delta : 0;
      return {...run, best: best.loss, bestDelta: best.delta, low: best.loss - delta, high: best.loss + delta, holder: best.trial};
    });
  }

  function drawHistory(m, theme) {
    const points = history(m);
    const scale = scaleOf(points.map((one) => one.loss));
    const low = scale.domain[0];
    for (const one of points) one.low = Math.max(one.low, low);
    const x = {field: "trial", type: "quantitative", axis: {title: "trial", tickMinStep: 1}, scale: {nice: false, domain: [-0.5, Math.max(...points.map((one) => one.trial)) + 0.5]}};
    const y = {field: "loss", type: "quantitative", scale, axis: axisOf(scale, "native validation loss")};
    return {
      height: 340, data: {values: points}, layer: [
        {mark: {type: "area", interpolate: "step-after", clip: true, color: theme.accent, opacity: 0.25},
          encoding: {x, y: {...y, field: "low"}, y2: {field: "high"}}},
        {mark: {type: "line", interpolate: "step-after", clip: true, color: theme.accent, strokeWidth: 2},
          encoding: {x, y: {...y, field: "best"}}},
        {params: [zoom], mark: {type: "point", filled: true, clip: true, stroke: theme.surface, ...dots(m, 50)},
          encoding: {x, y, color: {condition: {test: "datum.member", value: theme.alarm}, value: theme.quiet},
            tooltip: [...trialTips, tip("loss", "loss", ".9~g"), tip("delta", "error", ".3~e"), tip("best", "best so far", ".9~g"), tip("holder", "by trial")]}},
      ],
    };
  }

  function captionHistory(m) {
    const points = history(m);
    const last = points.at(-1);
    const lost = m.trials.length - points.length;
    return `The line is the best native loss so far, its band that loss ± its error (${short(Number(last.bestDelta))} for trial ${last.holder} at the end). ` +
      "Orange points are indistinguishable from the best." +
      (lost > 0 ? ` ${plural(lost, "trial")} without a finite loss ${lost === 1 ? "is" : "are"} not drawn.` : "");
  }

  // ---- The indistinguishable set ------------------------------------------------------------------

  const mostRows = 40;

  /** For one precision: the members, and of the others those with the least losses. */
  function contenders(m, precision) {
    const all = runs(m).filter((run) => run.precision === precision && Number.isFinite(run.delta))
      .sort((a, b) => a.loss - b.loss).map(({estimates, ...run}) => ({...run, low: run.loss - run.delta, high: run.loss + run.delta}));
    const members = all.filter((run) => run.member);
    const others = all.filter((run) => !run.member).slice(0, Math.max(0, mostRows - members.length));
    return [...members, ...others].sort((a, b) => a.loss - b.loss).map((run, i) => ({...run, row: i + 1, label: String(run.trial)}));
  }

  function drawSet(m, theme) {
    const points = m.precisions.flatMap((one) => contenders(m, one));
    const rows = Math.max(...m.precisions.map((one) => contenders(m, one).length));
    const x = {field: "loss", type: "quantitative", scale: scaleOf(points.map((one) => one.loss)), axis: {title: "native validation loss ± certified error"}};
    const y = {field: "label", type: "nominal", sort: {field: "row", op: "min"}, axis: {title: "trial", grid: false, labelFontSize: rows > 30 ? 9 : 11}};
    const color = {field: "member", type: "nominal", title: null, scale: {domain: [true, false], range: [theme.alarm, theme.quiet]},
      legend: {labelExpr: "datum.value ? 'indistinguishable from the best' : 'worse than the best'"}};
    const tooltip = [...trialTips, tip("precision", "precision"), tip("loss", "loss", ".12~g"), tip("delta", "error", ".3~e"), tip("exact", "exact loss", ".12~g")];
    return {
      height: Math.max(340, 14 * rows), data: {values: points}, params: precisionChoice(m), transform: ofPrecision(m),
      layer: [
        {mark: {type: "rule", strokeWidth: 2, clip: true}, encoding: {x: {...x, field: "low"}, x2: {field: "high"}, y, color, tooltip}},
        {params: [{...zoom, select: {...zoom.select, encodings: ["x"]}}], mark: {type: "point", filled: true, size: 55, clip: true, opacity: 1}, encoding: {x, y, color, tooltip}},
        {mark: {type: "tick", thickness: 1.5, size: 12, clip: true, color: theme.ink}, transform: [{filter: "isFinite(datum.exact)"}],
          encoding: {x: {...x, field: "exact"}, y, tooltip}},
      ],
    };
  }

  function captionSet(m) {
    const sets = m.precisions.map((one) => `${m.members[one].size}${m.precisions.length > 1 ? " in " + one : ""}`).join(", ");
    const most = m.precisions.some((one) => contenders(m, one).length < runs(m).filter((run) => run.precision === one).length);
    return "Dots are native losses, bars what their certified errors allow, ticks the exact losses. A trial " +
      `whose bar may reach the best one's is indistinguishable from it; members: ${sets}.` +
      (most ? ` Drawn: all members and the least other losses, ${mostRows} in all.` : "");
  }

  // ---- Stability maps -----------------------------------------------------------------------------

  /** The edges between values on their scale. */
  function edges(axis) {
    const log = axis.scale === "log";
    const v = axis.values.map((x) => (log ? Math.log(x) : x));
    const inner = v.slice(1).map((x, i) => (x + v[i]) / 2);
    const half = v.length > 1 ? (v[1] - v[0]) / 2 : 0.5;
    const last = v.length > 1 ? (v.at(-1) - v.at(-2)) / 2 : 0.5;
    return [v[0] - half, ...inner, v.at(-1) + last].map((x) => (log ? Math.exp(x) : x));
  }

  function mapped(m) {
    const {axes, cells} = m.document;
    const [xs, ys] = axes.map(edges);
    return cells.map((cell) => {
      const size = number(cell.log10_relative_error);
      return {
        x: xs[cell.x], x2: xs[cell.x + 1], y: ys[cell.y], y2: ys[cell.y + 1], i: cell.x, j: cell.y,
        a: axes[0].values[cell.x], b: axes[1].values[cell.y], verdict: cell.verdict, size,
        value: cell.evaluated ? number(cell.relative_error.upper) : 10 ** size, estimate: cell.evaluated ? number(cell.relative_phi) : null,
        diverged: cell.evaluated && number(cell.relative_error.lower) === Infinity, evaluated: cell.evaluated,
      };
    });
  }

  /** Between a stable cell and one that is not. */
  function boundary(cells) {
    const at = new Map(cells.map((cell) => [`${cell.i},${cell.j}`, cell]));
    const stable = (cell) => cell.verdict === "stable";
    return cells.flatMap((cell) => {
      const right = at.get(`${cell.i + 1},${cell.j}`);
      const above = at.get(`${cell.i},${cell.j + 1}`);
      return [
        ...(right && stable(right) !== stable(cell) ? [{x: cell.x2, x2: cell.x2, y: cell.y, y2: cell.y2}] : []),
        ...(above && stable(above) !== stable(cell) ? [{x: cell.x, x2: cell.x2, y: cell.y2, y2: cell.y2}] : []),
      ];
    });
  }

  function surfaceAxis(axis, field) {
    const [low, high] = [edges(axis)[0], edges(axis).at(-1)];
    return {field, type: "quantitative", scale: {type: axis.scale === "log" ? "log" : "linear", domain: [low, high], nice: false},
      axis: {title: named(axis.name), grid: false, tickCount: 5, ...(axis.scale === "log" ? power : {})}};
  }

  function drawMap(m, theme) {
    const [first, second] = m.document.axes;
    const cells = mapped(m);
    const [x, y] = [surfaceAxis(first, "x"), surfaceAxis(second, "y")];
    const place = {x, x2: {field: "x2"}, y, y2: {field: "y2"}};
    const tooltip = [tip("a", named(first.name), ".4~g"), tip("b", named(second.name), ".4~g"), tip("value", "relative error, at most", ".3~e"), tip("estimate", "by Φ", ".3~e"), tip("verdict", "verdict"), tip("evaluated", "trained here")];
    return {
      height: 380, data: {values: cells}, layer: [
        {params: [zoom], mark: {type: "rect", clip: true}, encoding: {...place, tooltip,
          color: {field: "size", type: "quantitative", scale: {scheme: theme.scheme}, legend: {title: "relative error", gradientLength: 220, labelExpr: "'1e' + format(datum.value, '~r')", tickMinStep: 1}},
          opacity: {condition: {test: "datum.evaluated", value: 1}, value: 0.55}}},
        {transform: [{filter: "datum.diverged"}], mark: {type: "rect", color: theme.ink, clip: true}, encoding: {...place, tooltip}},
        {transform: [{filter: "!datum.evaluated"}], mark: {type: "rule", color: theme.surface, opacity: 0.7, strokeWidth: 1, clip: true}, encoding: place},
        {data: {values: boundary(cells)}, mark: {type: "rule", color: theme.alarm, strokeWidth: 3, strokeCap: "square", clip: true},
          encoding: {x: {...x, field: "x"}, x2: {field: "x2"}, y: {...y, field: "y"}, y2: {field: "y2"}}},
      ],
    };
  }

  function captionMap(m) {
    const cells = mapped(m);
    const count = (test) => cells.filter(test).length;
    const guessed = count((cell) => !cell.evaluated);
    const diverged = count((cell) => cell.diverged);
    return `Relative error of the ${m.document.precision} loss; the orange line is where it is no longer certainly below ${short(m.document.tolerance)}. ` +
      `${count((cell) => cell.verdict === "stable")} of ${cells.length} cells are stable, ${count((cell) => cell.verdict === "unstable")} unstable, ${count((cell) => cell.verdict === "undecided")} undecided.` +
      (diverged ? ` Solid cells diverged (${diverged}).` : "") + (guessed ? ` Pale cells with a stroke are interpolated, not trained (${guessed}).` : "");
  }

  // ---- What a search looked for ---------------------------------------------------------------------

  const panels = [["expected_improvement", "Expected improvement"], ["precision_aware", "Less its own error"]];

  function drawSurfaces(m, theme, width) {
    const {axes, step} = m.document.acquisition;
    const [xs, ys] = axes.map(edges);
    const seen = m.trials.slice(0, step).filter((trial) => Number.isFinite(trial.runs[0].loss)).map((trial) => ({
      x: trial.parameters[axes[0].name], y: trial.parameters[axes[1].name], trial: trial.number, settings: settings(trial), loss: trial.runs[0].loss}));
    const [x, y] = [surfaceAxis(axes[0], "x"), surfaceAxis(axes[1], "y")];
    const columns = width < 520 ? 1 : 2;
    const size = Math.floor((width - 70 * columns - 10 * (columns - 1)) / columns);
    const panel = ([key, title]) => {
      const rows = m.document.acquisition[key].values;
      const cells = rows.flatMap((row, j) => row.map((value, i) => ({x: xs[i], x2: xs[i + 1], y: ys[j], y2: ys[j + 1], a: axes[0].values[i], b: axes[1].values[j], value})));
      const top = cells.reduce((a, b) => (b.value > a.value ? b : a));
      return {
        title, width: size, height: Math.min(320, size), layer: [
          {data: {values: cells}, mark: {type: "rect", clip: true, aria: false, x2Offset: 0.7, y2Offset: -0.7}, encoding: {x, x2: {field: "x2"}, y, y2: {field: "y2"},
            color: {field: "value", type: "quantitative", scale: {scheme: theme.scheme, domain: [0, 1]}, legend: {title: "share of its maximum", gradientLength: 160, tickCount: 2}},
            tooltip: [tip("a", named(axes[0].name), ".4~g"), tip("b", named(axes[1].name), ".4~g"), tip("value", "share of the maximum", ".3~f")]}},
          {data: {values: seen}, mark: {type: "point", filled: true, clip: true, size: 34, color: "#ffffff", stroke: "#1c2430", strokeWidth: 1, opacity: 1},
            encoding: {x: {...x, field: "x"}, y: {...y, field: "y"}, tooltip: [...trialTips, tip("loss", "loss", ".9~g")]}},
          {data: {values: [top]}, mark: {type: "point", shape: "cross", filled: true, clip: true, size: 180, color: "#ff7a1a", stroke: "#ffffff", strokeWidth: 1.5, opacity: 1},
            encoding: {x: {...x, field: "a"}, y: {...y, field: "b"}}},
        ],
      };
    };
    return {columns, spacing: 24, concat: panels.map(panel), resolve: {scale: {color: "shared"}}};
  }

  function captionSurfaces(m) {
    const {step, fixed} = m.document.acquisition;
    const others = Object.entries(fixed).map(([name, value]) => `${named(name)} ${short(value)}`).join(", ");
    return `Where the next trial is worth most after the first ${step} trials (white): left by expected improvement, right with every improvement less its own error. ` +
      "The cross is the maximum; colours are shares of it." + (others ? ` Other hyperparameters as in the best trial: ${others}.` : "");
  }

  // ---- Growth of enclosures ------------------------------------------------------------------------

  const grown = (m) => (m.document.trials ?? []).flatMap((trial, i) => (trial.enclosure?.steps ?? []).map((one) => ({
    trial: i, settings: settings(m.trials[i]), step: one.step, radius: number(one.log2_radius), way: trial.enclosure.rung?.way ?? "enclosure"})))
    .filter((one) => Number.isFinite(one.radius));

  function drawGrowth(m, theme) {
    const points = grown(m);
    return {
      height: 340, data: {values: points}, layer: [{
        params: [zoom], mark: {type: "line", strokeWidth: 1.5, opacity: 0.8, clip: true},
        encoding: {
          x: {field: "step", type: "quantitative", axis: {title: "training step"}, scale: {nice: false}},
          y: {field: "radius", type: "quantitative", axis: {title: "log₂ of the enclosure's radius"}, scale: {zero: false}},
          detail: {field: "trial"}, color: {field: "way", type: "nominal", title: null, scale: {range: theme.series}},
          tooltip: [...trialTips, tip("step", "step"), tip("radius", "log₂ radius", ".2~f")],
        }}],
    };
  }

  // ---- The registry --------------------------------------------------------------------------------

  const registry = [
    {id: "uncertainty", title: "Loss against uncertainty", applies: (m) => uncertain(m).length > 0, draw: drawUncertainty, caption: captionUncertainty},
    {id: "indistinguishable", title: "Which trials may be the best", applies: (m) => m.precisions.some((one) => m.members[one].size > 0 && contenders(m, one).length > 0), draw: drawSet, caption: captionSet},
    {id: "ranks", title: "Exact order against native order", wide: (m) => m.precisions.length > 2, applies: (m) => m.order.length > 1, draw: drawRanks, caption: captionRanks},
    {id: "history", title: "The search, trial by trial", applies: (m) => m.kind === "search" && runs(m).length > 0, draw: drawHistory, caption: captionHistory},
    {id: "acquisition", title: "What the search looks for next", wide: () => true, applies: (m) => Boolean(m.document.acquisition), draw: drawSurfaces, caption: captionSurfaces},
    {id: "estimates", title: "Estimates against certified errors", applies: (m) => estimated(m).length > 0, draw: drawEstimates, caption: captionEstimates},
    {id: "map", title: "Where training is stable", wide: () => true, applies: (m) => m.kind === "map", draw: drawMap, caption: captionMap},
    {id: "growth", title: "Growth of enclosures", applies: (m) => grown(m).length > 0, draw: drawGrowth,
      caption: () => "The radius of the enclosure at each training step, one line a trial: what a bound loses on the way."},
  ];

  const applicable = (m) => registry.filter((figure) => figure.applies(m));

  /** The whole specification of a figure, `width` pixels wide. */
  function specification(figure, m, theme, width) {
    const drawn = figure.draw(m, theme, width);
    return {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json", description: `${figure.title}. ${figure.caption(m)}`,
      ...(drawn.concat ? {} : {width, autosize: {type: "fit-x", contains: "padding"}}), ...drawn, config: config(theme, width),
    };
  }

  return {themes, registry, model, applicable, specification, number, named, short, settings, plural};
})();
if (typeof module !== "undefined") module.exports = numgeomFigures;
