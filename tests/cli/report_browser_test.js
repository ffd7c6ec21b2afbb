"use strict";
// Reports in a browser, as readers see them: nothing is fetched, nothing complains, every picture is
// drawn, the table sorts and filters by mouse and by keyboard, colours have contrast, phones do not
// scroll sideways. Run by ctest with NUMGEOM_PROGRAM, NUMGEOM_PLAYWRIGHT and NUMGEOM_CHROMIUM.
const assert = require("node:assert/strict");
const {execFileSync} = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const {chromium} = require(process.env.NUMGEOM_PLAYWRIGHT);
const documents = require("./report_documents.js");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "numgeom-report-"));
const mostBytes = 5e6;

function report(name, document) {
  const source = path.join(folder, `${name}.json`);
  const page = path.join(folder, `${name}.html`);
  fs.writeFileSync(source, JSON.stringify(document));
  execFileSync(process.env.NUMGEOM_PROGRAM, ["report", source, "-o", page]);
  return page;
}

/** Opens a page; any request but for the page itself and any complaint fails the test that closes it. */
async function open(browser, file, options = {}) {
  const context = await browser.newContext({viewport: {width: 1280, height: 900}, ...options});
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await context.route("**/*", (route) => {
    if (route.request().url() === `file://${file}`) return route.continue();
    complaints.push(`a request: ${route.request().url()}`);
    return route.abort();
  });
  await page.goto(`file://${file}`);
  await page.waitForSelector("html[data-drawn]", {timeout: 120_000});
  return {page, close: async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  }};
}

/** How many marks each picture shows; a canvas counts its colours. */
const marksOf = (page) => page.evaluate(() => Object.fromEntries([...document.querySelectorAll("#figures figure")].map((figure) => {
  const svg = figure.querySelector("svg.marks");
  if (svg) return [figure.id, svg.querySelectorAll(".mark-symbol path, .mark-rect path, .mark-line path, .mark-rule line").length];
  const canvas = figure.querySelector("canvas.marks");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [figure.id, new Set(new Uint32Array(data.buffer)).size];
})));

const column = (page, label) => page.evaluate((wanted) => {
  const heads = [...document.querySelectorAll("#table th")].map((th) => th.dataset.label);
  return [...document.querySelectorAll("#table tbody tr:not([hidden])")].map((row) => row.cells[heads.indexOf(wanted)].textContent);
}, label);

function assertSorted(texts, sign) {
  const numbers = texts.map(Number).filter((x) => !Number.isNaN(x));
  assert.ok(numbers.length > 1);
  assert.deepEqual(numbers, [...numbers].sort((a, b) => sign * (a - b)));
}

/** Texts whose contrast with what is behind them is below 4.5. */
const faintTexts = (page) => page.evaluate(() => {
  const parse = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(parent.tagName) || parent.getClientRects().length === 0) continue;
    const style = getComputedStyle(parent);
    const color = parse(parent.tagName === "text" ? style.fill : style.color);
    const [a, b] = [luminance(color), luminance(behind(parent))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${walker.currentNode.data.trim()} (${ratio.toFixed(2)})`);
  }
  return faint;
});

const tests = {
  async "every picture of every document is drawn"(browser) {
    const expected = {
      certification: ["estimates", "growth", "indistinguishable", "ranks", "uncertainty"],
      search: ["acquisition", "estimates", "history", "indistinguishable", "uncertainty"],
      map: ["map"],
    };
    const made = {certification: documents.certification(14), search: documents.search(20), map: documents.map(12)};
    for (const [name, figures] of Object.entries(expected)) {
      const {page, close} = await open(browser, report(name, made[name]));
      const marks = await marksOf(page);
      assert.deepEqual(Object.keys(marks).sort(), figures);
      for (const [figure, count] of Object.entries(marks)) assert.ok(count > 3, `${figure}: ${count} marks`);
      for (const text of await page.locator("figcaption").allTextContents()) {
        assert.ok(text.length > 30);
        assert.doesNotMatch(text, /undefined|NaN|null/);
      }
      assert.doesNotMatch(await page.locator("header").textContent(), /undefined|NaN|null/);
      await close();
    }
  },

  async "the table sorts by click and by keyboard"(browser) {
    const {page, close} = await open(browser, report("sort", documents.certification(14)));
    const head = (label) => page.locator(`#table th[data-label="${label}"]`);
    await head("fp32 loss").locator("button").click();
    assert.equal(await head("fp32 loss").getAttribute("aria-sort"), "ascending");
    assertSorted(await column(page, "fp32 loss"), 1);
    await head("fp32 loss").locator("button").click();
    assert.equal(await head("fp32 loss").getAttribute("aria-sort"), "descending");
    assertSorted(await column(page, "fp32 loss"), -1);
    await head("learning rate").locator("button").focus();
    await page.keyboard.press("Enter");
    assertSorted(await column(page, "learning rate"), 1);
    await page.keyboard.press("Space");
    assertSorted(await column(page, "learning rate"), -1);
    assert.equal(await page.locator("#table th[aria-sort]").count(), 1);
    await head("bf16 loss").locator("button").click();
    assert.equal((await column(page, "bf16 loss")).at(-1), "diverged");
    await close();
  },

  async "the table filters by words and by status"(browser) {
    const {page, close} = await open(browser, report("filter", documents.certification(14)));
    await page.locator("#filter").click();
    await page.keyboard.type("adam");
    assert.deepEqual(new Set(await column(page, "optimizer")), new Set(["adam"]));
    assert.equal(await page.locator("#count").textContent(), "7 of 14 trials");
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Delete");
    assert.equal((await column(page, "Trial")).length, 14);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.id), "status");
    await page.locator("#status").selectOption("undecided");
    assert.deepEqual(await column(page, "Trial"), ["2"]);
    await close();
  },

  async "certified digits are those of the bounds, rounded outward"(browser) {
    const document = documents.certification(4);
    Object.assign(document.trials[0].enclosure, {lower: "6.2585681952311e-01", upper: "6.2585681952319e-01"});
    Object.assign(document.trials[3].enclosure, {lower: "9.99999e-01", upper: "1.0000015e+00"});
    const {page, close} = await open(browser, report("digits", document));
    await page.locator('#table th[data-label="Trial"] button').click();
    const digits = await column(page, "Exact loss, certified digits");
    assert.equal(digits[0], "0.625856819523[1,2]");
    assert.equal(digits[3], "[0.9999990,1.0000015]");
    await close();
  },

  async "pairs are told by pointer and by arrow keys"(browser) {
    const document = documents.certification(14);
    const {page, close} = await open(browser, report("pairs", document));
    await page.locator("#matrix").scrollIntoViewIfNeeded();
    await page.waitForFunction(() => document.getElementById("matrix").width > 300);
    await page.locator("#matrix").focus();
    const [first, second] = document.ranking.order;
    assert.match(await page.locator("#pair").textContent(), new RegExp(`trial ${first} .*trial ${second}[.;]`));
    await page.keyboard.press("ArrowLeft");
    assert.match(await page.locator("#pair").textContent(), new RegExp(`^Trial ${first}: exact loss`));
    const place = [2, 5].map((trial) => document.ranking.order.indexOf(trial));
    const cell = await page.evaluate(() => document.getElementById("matrix").clientWidth / 14);
    await page.locator("#matrix").hover({position: {x: (place[1] + 0.4) * cell, y: (place[0] + 0.4) * cell}});
    assert.equal(await page.locator("#pair").textContent(), "The exact loss of trial 2 cannot be told from that of trial 5: made up: undecided.");
    await close();
  },

  async "a tie is never shown as certified"(browser) {
    const document = documents.certification(4);
    const [first, second] = document.ranking.order;
    const bounds = {lower: "3.00000000000000000000000000000001e-01", upper: "3.00000000000000000000000000000001e-01"};
    for (const trial of [first, second]) Object.assign(document.trials[trial].enclosure, bounds);
    const [i, j] = [first, second].sort();
    document.ranking.pairs.find((pair) => pair.first === i && pair.second === j).less = "refuted";
    document.ranking.order.splice(0, 2, j, i);
    const openAt = async (name) => {
      const opened = await open(browser, report(name, document));
      await opened.page.locator("#matrix").scrollIntoViewIfNeeded();
      await opened.page.waitForFunction(() => document.getElementById("matrix").style.width !== "");
      await opened.page.locator("#matrix").focus();
      return opened;
    };
    const tie = await openAt("tie");
    assert.match(await tie.page.locator("#pair").textContent(), /cannot be told from/);
    assert.doesNotMatch(await tie.page.locator("#facts").textContent(), /Certified winner/);
    await tie.close();
    // Bounds that differ beyond doubles decide.
    document.trials[i].enclosure.lower = document.trials[i].enclosure.upper = "3.00000000000000000000000000000002e-01";
    const apart = await openAt("apart");
    assert.match(await apart.page.locator("#pair").textContent(), /is certainly less than/);
    await apart.close();
  },

  async "a picture is saved as SVG"(browser) {
    const {page, close} = await open(browser, report("export", documents.certification(14)));
    await page.locator("#uncertainty summary").focus();
    await page.keyboard.press("Enter");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByText("Save as SVG").first().click()]);
    assert.equal(download.suggestedFilename(), "numgeom-uncertainty.svg");
    assert.match(fs.readFileSync(await download.path(), "utf8"), /^<svg[\s\S]*<\/svg>\s*$/);
    await close();
  },

  async "a picture zooms, and a double click goes back"(browser) {
    const {page, close} = await open(browser, report("zoom", documents.certification(14)));
    const svg = page.locator("#uncertainty svg.marks");
    const labels = async () => (await svg.locator(".mark-text.role-axis-label text").allTextContents()).sort();
    const before = await labels();
    await svg.hover();
    await page.mouse.wheel(0, -300);
    await page.waitForTimeout(200);
    assert.deepEqual(await labels(), before, "the wheel alone scrolls the page");
    await svg.hover();
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -300);
    await page.keyboard.up("Control");
    await page.waitForTimeout(500);
    assert.notDeepEqual(await labels(), before);
    await svg.dblclick();
    await page.waitForTimeout(500);
    assert.deepEqual(await labels(), before);
    await close();
  },

  async "texts have contrast, light and dark"(browser) {
    for (const colorScheme of ["light", "dark"])
      for (const [name, document] of [["certification", documents.certification(14)], ["search", documents.search(20)]]) {
        const {page, close} = await open(browser, report(`${name}-${colorScheme}`, document), {colorScheme});
        const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(dark === "rgb(14, 18, 23)", colorScheme === "dark");
        assert.deepEqual(await faintTexts(page), []);
        await close();
      }
  },

  async "a phone does not scroll sideways"(browser) {
    for (const [name, document] of [["certification", documents.certification(14)], ["search", documents.search(20)], ["map", documents.map(12)]]) {
      const {page, close} = await open(browser, report(`${name}-phone`, document), {viewport: {width: 375, height: 740}, isMobile: true, hasTouch: true});
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 375, name);
      for (const [figure, count] of Object.entries(await marksOf(page))) assert.ok(count > 3, `${figure}: ${count} marks`);
      await close();
    }
  },

  async "a live page keeps its place when it loads again"(browser) {
    const file = report("live", documents.certification(40));
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace('data-live="false"', 'data-live="true"'));
    const {page, close} = await open(browser, file);
    await page.locator('#table th[data-label="learning rate"] button').click();
    await page.locator("#filter").fill("sgd");
    await page.locator("#filter").blur();
    await page.evaluate(() => {
      window.before = true;
      scrollTo({top: 700, behavior: "instant"});
    });
    await page.waitForFunction(() => !window.before && document.documentElement.dataset.drawn, null, {timeout: 120_000});
    await page.waitForFunction(() => Math.abs(scrollY - 700) < 2);
    assert.equal(await page.locator("#table th[aria-sort]").getAttribute("data-label"), "learning rate");
    assert.equal(await page.locator("#filter").inputValue(), "sgd");
    assert.equal((await column(page, "Trial")).length, 20);
    await page.locator("#pause").click();
    assert.equal(await page.locator("#pause").textContent(), "paused");
    await close();
  },

  async "a thousand trials stay small and usable"(browser) {
    const file = report("large", documents.certification(1000));
    const bytes = fs.statSync(file).size;
    assert.ok(bytes <= mostBytes, `${bytes} bytes`);
    const {page, close} = await open(browser, file);
    const ready = await page.evaluate(() => performance.getEntriesByName("usable")[0].startTime);
    console.log(`  1000 trials: ${(bytes / 1e6).toFixed(2)} MB, table usable after ${ready.toFixed(0)} ms`);
    for (const [figure, count] of Object.entries(await marksOf(page))) assert.ok(count > 3, `${figure}: ${count} marks`);
    await page.locator('#table th[data-label="fp32 loss"] button').click();
    assertSorted(await column(page, "fp32 loss"), 1);
    await page.locator("#filter").fill("adam");
    assert.equal(await page.locator("#count").textContent(), "500 of 1,000 trials");
    await page.locator("#matrix").scrollIntoViewIfNeeded();
    await page.waitForFunction(() => document.getElementById("matrix").width > 300);
    assert.match(await page.locator("#pairs-caption").textContent(), /each cell stands for \d+ × \d+ pairs/);
    assert.match(await page.locator("#indistinguishable figcaption").textContent(), /Drawn: all members/);
    await close();
  },
};

(async () => {
  const browser = await chromium.launch({executablePath: process.env.NUMGEOM_CHROMIUM, args: ["--no-sandbox"]});
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    if (process.argv[2] && !name.includes(process.argv[2])) continue;
    try {
      await test(browser);
      console.log(`ok: ${name}`);
    } catch (error) {
      ++failed;
      console.log(`FAILED: ${name}\n${error.stack}`);
    }
  }
  await browser.close();
  fs.rmSync(folder, {recursive: true});
  process.exitCode = failed ? 1 : 0;
})();
