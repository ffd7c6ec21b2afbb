"use strict";
// Run by node in a directory with vega.js, vega-lite.js, figures.js and document.json: writes every
// figure of the document to figures/NAME.svg.
const fs = require("fs");
const vm = require("vm");

for (const name of ["vega.js", "vega-lite.js"])
  vm.runInThisContext(fs.readFileSync(name, "utf8"), {filename: name});
const figures = require("./figures.js");

async function draw() {
  const model = figures.model(JSON.parse(fs.readFileSync("document.json", "utf8")));
  fs.mkdirSync("figures");
  for (const figure of figures.applicable(model)) {
    const spec = figures.specification(figure, model, figures.themes.light, 640);
    spec.background = figures.themes.light.surface;
    const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), {renderer: "none"});
    fs.writeFileSync(`figures/${figure.id}.svg`, await view.toSVG());
  }
}

draw().catch((error) => {
  console.error(String(error.message || error));
  process.exitCode = 1;
});
