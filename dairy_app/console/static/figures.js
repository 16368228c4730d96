// Pictures of the tables of figures: what a heading marks is drawn, with the values that stand in its cells. The table
// stays as it is, for whoever sees no picture. Colours are those of the page, light or dark.
const HEIGHT = 240;
const language = `${document.documentElement.lang}-IN-u-nu-latn`;
const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 2 });
const drawn = new Map();

const read = (chart) => {
  const table = document.getElementById(chart.dataset.of);
  const headings = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows];
  const series = headings.filter((each) => each.dataset.draw === chart.dataset.draw).map((heading) => {
    const cells = rows.map((row) => row.cells[heading.cellIndex]);
    return {
      name: heading.textContent.trim(),
      shape: heading.dataset.as,
      colour: heading.dataset.colour,
      values: cells.map((cell) => Number(cell.dataset.value)),
      words: cells.map((cell) => cell.textContent.trim()),
    };
  });
  const some = series.filter((each) => each.values.some((value) => value !== 0));
  return { labels: rows.map((row) => row.cells[0].dataset.name), about: headings[0].textContent.trim(), series: some.length ? some : series };
};

// Bars of several series stand side by side.
const barsOf = (place, count) =>
  count === 1
    ? uPlot.paths.bars({ size: [0.6, 48] })
    : uPlot.paths.bars({ size: [0.35, 32], align: place === 0 ? -1 : 1 });

const draw = (chart) => {
  const { labels, about, series } = read(chart);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const bars = series.filter((each) => each.shape === "bars");
  const width = chart.clientWidth;
  const every = Math.max(1, Math.ceil(labels.length / Math.max(1, Math.floor((width - 60) / 84))));
  const most = Math.max(6, Math.floor(((width - 60) * every) / labels.length / 7));
  const shortened = (label) => (label.length > most ? `${label.slice(0, most - 1)}…` : label);
  const axis = { stroke: colour("soft"), font: "12px system-ui, sans-serif", ticks: { stroke: colour("line"), width: 1 } };
  const options = {
    width,
    height: HEIGHT,
    padding: [12, 12, 0, 0],
    scales: {
      x: { time: false, range: [-0.5, labels.length - 0.5] },
      y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high) * 1.05] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        splits: () => labels.map((_, place) => place).filter((place) => place % every === 0),
        values: (_, places) => places.map((place) => shortened(labels[place])),
      },
      { ...axis, size: 56, grid: { stroke: colour("line"), width: 1 }, values: (_, values) => values.map((value) => short.format(value)) },
    ],
    cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
    legend: { markers: { width: 0, fill: (_, place) => place > 0 && colour(series[place - 1].colour) } },
    series: [
      { label: about, value: (_, place) => (place === null ? "" : labels[Math.round(place)]) },
      ...series.map((each) => ({
        label: each.name,
        stroke: colour(each.colour),
        value: (_, __, ___, place) => (place === null ? "" : each.words[place]),
        ...(each.shape === "bars"
          ? { fill: colour(each.colour), width: 0, points: { show: false }, paths: barsOf(bars.indexOf(each), bars.length) }
          : { width: 2, points: { show: true, size: 6, fill: colour("card") } }),
      })),
    ],
  };
  drawn.get(chart)?.destroy();
  const values = [labels.map((_, place) => place), ...series.map((each) => each.values)];
  drawn.set(chart, new uPlot(options, values, chart));
};

const charts = [...document.querySelectorAll(".chart")];
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) if (drawn.get(target)?.width !== target.clientWidth) draw(target);
});
for (const chart of charts) widths.observe(chart);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(draw));
