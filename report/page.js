// Draws the panels of the page, follows the reader's theme, filters and printing. No network, no state kept.
"use strict";
(async () => {
  const text = (id) => document.getElementById(id).textContent.trim();
  const unpacked = async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };
  const themes = JSON.parse(text("themes"));
  const specs = await unpacked(text("panels"));
  const darkScreen = matchMedia("(prefers-color-scheme: dark)");
  const boxes = [...document.querySelectorAll("#filters select")];
  const panels = [...document.querySelectorAll(".panel")];
  const drawnAs = new Map(); // plot element -> what it was drawn for
  const strongBand = 0.22;
  let printing = false;

  const themeName = () => (darkScreen.matches && !printing ? "dark" : "light");
  const chosen = () => Object.fromEntries(boxes.map((box) => [box.name, box.value]));

  // "@name" is a colour of the theme, "@series3" the fourth of the series
  const coloured = (value, theme) => {
    if (typeof value === "string" && value[0] === "@") {
      const series = value.match(/^@series(\d+)$/);
      return series ? theme.series[Number(series[1])] : theme[value.slice(1)];
    }
    if (Array.isArray(value)) return typeof value[0] === "object" ? value.map((item) => coloured(item, theme)) : value.slice();
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, theme)]));
    }
    return value;
  };

  const isWanted = (meta, filters) =>
    Object.entries(meta || {}).every(([key, value]) => !filters[key] || filters[key] === value);

  const draw = (plot) => {
    const filters = chosen();
    const state = JSON.stringify([themeName(), filters.model, filters.label, filters.eraser]);
    if (drawnAs.get(plot) === state) return;
    const theme = themes[themeName()];
    const spec = coloured(specs[Number(plot.dataset.spec)], theme);
    // the band of the one eraser that was chosen is as strong as that of erasing nothing
    const band = (trace) => (filters.eraser && trace.fill && trace.meta ? { opacity: strongBand } : {});
    const data = spec.data.map((trace) => ({ ...trace, ...band(trace), visible: isWanted(trace.meta, filters) }));
    const layout = { ...spec.layout, template: structuredClone(theme.template) };
    Plotly.react(plot, data, layout, { displayModeBar: false, doubleClick: "reset" });
    drawnAs.set(plot, state);
  };

  const isShown = (plot) => !plot.closest("[hidden]") && !plot.closest("details:not([open])");
  const shownPlots = () => [...document.querySelectorAll(".plot[data-spec]")].filter(isShown);

  let round = 0;
  const drawShown = async () => {
    const mine = ++round;
    document.documentElement.dataset.state = "drawing";
    for (const plot of shownPlots()) {
      draw(plot);
      await new Promise((resolve) => setTimeout(resolve)); // keep the page responsive
      if (mine !== round) return;
    }
    document.documentElement.dataset.state = "ready";
  };

  const filter = () => {
    const filters = chosen();
    for (const panel of panels) {
      const { dataset, model, effect } = panel.dataset;
      const fits = { dataset, effect, ...(model ? { model } : {}) };
      panel.hidden = !isWanted(fits, filters);
    }
    for (const block of document.querySelectorAll(".block")) block.hidden = !block.querySelector(".panel:not([hidden])");
    drawShown();
  };

  const drawForPrint = (begins) => {
    printing = begins;
    if (begins) for (const box of document.querySelectorAll("details[data-print]")) box.open = true;
    shownPlots().forEach(draw);
  };

  boxes.forEach((box) => box.addEventListener("change", filter));
  document.querySelectorAll("details").forEach((box) => box.addEventListener("toggle", drawShown));
  darkScreen.addEventListener("change", drawShown);
  addEventListener("beforeprint", () => drawForPrint(true));
  addEventListener("afterprint", () => drawForPrint(false));
  document.addEventListener(
    "play",
    (event) => document.querySelectorAll("audio").forEach((audio) => audio !== event.target && audio.pause()),
    true,
  );
  filter();
})();
