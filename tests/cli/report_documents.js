"use strict";
// Documents with everything that a report can draw, made up: certifications, searches, maps.

/** Reproducible numbers in [0, 1). */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const problem = {dataset: "made up", train: 100, validation: 50, network: ["dense 8", "relu", "dense 3"], loss: "cross_entropy", optimizer: "sgd", epochs: 2, batch: 16};
const build = {version: "0", compiler: "none", flags: "-O0", simd: "none"};

function decimals(x) {
  return {lower: (x - 1e-12).toExponential(20), upper: (x + 1e-12).toExponential(20)};
}

function certifiedTrial(exact, i, random) {
  const run = (precision, size) => {
    const error = size * (0.2 + random());
    const loss = exact + (random() < 0.5 ? error : -error);
    return {precision, loss, errors: 3, status: "ok", certified_error: {lower: error * 0.999, upper: error},
      estimates: {phi: error * (0.5 + 10 * random()), phi_seed: error * 10 ** (40 * random())}};
  };
  const steps = [1, 2, 3, 4].map((t) => ({step: 10 * t, log2_radius: -60 + 5 * t * random()}));
  const native = [run("fp32", 1e-7), run("bf16", 0.05)];
  if (i === 1) Object.assign(native[1], {loss: "nan", status: "diverged", certified_error: {lower: "inf", upper: "inf"}});
  return {
    configuration: {lr: 10 ** (-3 + 3 * random()), weight_decay: 1e-4, optimizer: i % 2 ? "sgd" : "adam"}, seed: 0, native,
    enclosure: {...decimals(exact), width: 2e-12, status: i === 2 ? "undecided" : "certified", ...(i === 2 ? {reason: "made up"} : {}),
      rung: {way: i % 3 ? "stepwise" : "direct", arithmetic: "ball", bits: 100 + i}, ...(i < 5 ? {steps} : {})},
  };
}

/** With flips, undecided pairs, a diverged run and an undecided trial. */
function certification(count, seed = 1) {
  const random = randomNumbers(seed);
  const exact = Array.from({length: count}, () => 0.3 + 2 * random());
  const trials = exact.map((x, i) => certifiedTrial(x, i, random));
  const order = exact.map((_, i) => i).sort((a, b) => exact[a] - exact[b]);
  const pairs = [];
  for (let first = 0; first < count; ++first)
    for (let second = first + 1; second < count; ++second) {
      const less = first === 2 && second < 6 ? "undecided" : exact[first] < exact[second] ? "certified" : "refuted";
      pairs.push({first, second, less, reason: `made up: ${less}`});
    }
  const native = ["fp32", "bf16"].map((precision, run) => {
    const loss = trials.map((trial) => trial.native[run].loss);
    const flips = pairs.filter((pair) => pair.less !== "undecided").map(({first, second, less}) =>
      (less === "certified" ? {native_better: second, exact_better: first} : {native_better: first, exact_better: second}))
      .filter((flip) => loss[flip.native_better] < loss[flip.exact_better]);
    return {precision, indistinguishable: run === 0 ? [order[0]] : order.slice(0, Math.min(3, count)), flips};
  });
  return {schema_version: 1, problem, build, certify: {width: 1e-9}, trials, ranking: {order, total: false, pairs, native},
    estimators: [{precision: "fp32", estimator: "phi", trials: count, covered: count - 1, median_overestimation: 5, high_overestimation: "inf"}]};
}

function search(count, seed = 2) {
  const random = randomNumbers(seed);
  const trials = Array.from({length: count}, (_, number) => {
    const [lr, weight_decay] = [10 ** (-3 * random()), 10 ** (-6 + 4 * random())];
    const loss = 0.3 + (Math.log10(lr) + 1) ** 2 + 0.1 * random();
    const delta = 1e-7 * 10 ** (3 * random());
    if (number === 3) return {number, parameters: {lr, weight_decay}, status: "diverged", loss: "inf"};
    return {number, parameters: {lr, weight_decay}, status: "ok", loss, delta,
      enclosure: {...decimals(loss), effort: "coarse", status: "enclosed"}, certified_error: {lower: delta / 9, upper: delta / 8}};
  });
  trials.push({number: count, parameters: {lr: 0.1, weight_decay: 1e-5}, status: "running"});
  const best = trials.filter((one) => typeof one.loss === "number").reduce((a, b) => (b.loss < a.loss ? b : a)).number;
  return {schema_version: 1, study: "made up", trials, best, trusted: best, pareto_front: [best], reliable_pairs: {with_best: 3, reliable: 2},
    race: {winner: best, decided: true, certified: {full: 1, coarse: count - 2}, indistinguishable: [best], verdicts: [], membership: []}};
}

function map(size) {
  const values = (from, to) => Array.from({length: size}, (_, i) => 10 ** (from + ((to - from) * i) / (size - 1)));
  const cells = [];
  for (let y = 0; y < size; ++y)
    for (let x = 0; x < size; ++x) {
      const error = 10 ** (-8 + (7 * x) / size + (2 * y) / size);
      const diverged = x === size - 1 && y === size - 1;
      const evaluated = (x + y) % 3 !== 0;
      cells.push({x, y, log10_relative_error: diverged ? 2 : Math.log10(error), relative_phi: diverged ? "inf" : error, verdict_by_phi: "stable",
        relative_error: evaluated ? (diverged ? {lower: "inf", upper: "inf"} : {lower: error / 2, upper: error}) : null,
        verdict: error < 1e-5 ? "stable" : error < 3e-5 ? "undecided" : "unstable", evaluated});
    }
  return {schema_version: 1, kind: "map", problem, build, axes: [{name: "lr", scale: "log", values: values(-3, 0)}, {name: "weight_decay", scale: "log", values: values(-6, -2)}],
    precision: "fp32", tolerance: 1e-5, cells};
}

module.exports = {certification, search, map};
