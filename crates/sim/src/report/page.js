const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const SVG = document.documentElement.namespaceURI.replace("1999/xhtml", "2000/svg");

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}
const count = (number) => number.toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
const plural = (number, one, many) => count(number) + " " + (number === 1 ? one : many);

// Moments are microseconds since the run began; people read days and clock times.
const SECOND = 1e6, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const two = (number) => String(Math.floor(number)).padStart(2, "0");
function moment(at, fine) {
  const time = two((at % DAY) / HOUR) + ":" + two((at % HOUR) / MINUTE);
  const seconds = fine === undefined || fine < MINUTE ? ":" + two((at % MINUTE) / SECOND) : "";
  const parts = fine < SECOND ? "." + String(Math.floor((at % SECOND) / 1000)).padStart(3, "0") : "";
  const day = data.end >= DAY ? "day " + (Math.floor(at / DAY) + 1) + " " : "";
  return day + time + seconds + parts;
}
function span(length) {
  if (length < 1000) return Math.round(length) + " µs";
  if (length < SECOND) return Math.round(length / 1000) + " ms";
  if (length < MINUTE) return (length / SECOND).toFixed(1).replace(".0", "") + " s";
  if (length < HOUR) return Math.floor(length / MINUTE) + " min " + Math.round((length % MINUTE) / SECOND) + " s";
  if (length < DAY) return Math.floor(length / HOUR) + " h " + Math.round((length % HOUR) / MINUTE) + " min";
  return Math.floor(length / DAY) + " d " + Math.round((length % DAY) / HOUR) + " h";
}
const calendar = (at) => new Date(data.start + at / 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";
const STEPS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 172800, 604800, 2592800].map((s) => s * SECOND);
function ticks(from, until, most) {
  const step = STEPS.find((known) => (until - from) / known <= most) || 30 * DAY * Math.ceil((until - from) / most / (30 * DAY));
  const list = [];
  for (let at = Math.ceil(from / step) * step; at <= until; at += step) list.push(at);
  return { list, step };
}
function sharp(canvas, height) {
  const width = canvas.clientWidth, scale = window.devicePixelRatio || 1;
  canvas.style.height = height + "px";
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  return { pen, width, height };
}
function tip(lines, x, y) {
  const box = $("tip");
  box.hidden = !lines.length;
  if (!lines.length) return;
  box.replaceChildren(...lines.map((line) => make("p", {}, line)));
  box.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.offsetWidth - 8)) + "px";
  box.style.top = (y + 18 + box.offsetHeight > innerHeight ? y - box.offsetHeight - 10 : y + 18) + "px";
}
const hostName = (place) => (data.hosts[place] ? data.hosts[place].name : "somebody");

(function head() {
  $("name").textContent = data.name;
  $("story").textContent = data.story;
  const broken = data.violation;
  $("verdict").className = broken ? "bad" : "good";
  $("verdict").textContent = broken
    ? "A promise was not kept, at " + moment(broken.at) + " (" + broken.checker + "): " + broken.words
    : "Every promise was kept.";
  const facts = {
    "Seed": data.seed, "Lasted": span(data.end) + " of virtual time", "Began": calendar(0),
    "Who": plural(data.hosts.length - 1, "device", "devices") + " and the relay",
    "Events": count(data.events), "Hash of the trace": data.trace,
  };
  for (const [name, value] of Object.entries(facts)) $("facts").append(make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  for (const verdict of data.verdicts) {
    const kind = verdict.kept === null ? "unasked" : verdict.kept ? "good" : "bad";
    const word = { unasked: "not asked", good: "kept", bad: "broken" }[kind];
    const rest = [verdict.promise, verdict.words].filter(Boolean).join("; ");
    $("verdicts").append(make("li", {}, make("strong", { class: kind }, word), " " + verdict.name.replaceAll("-", " ") + (rest ? ": " + rest : "")));
  }
  for (const words of data.expectations) $("expectations").append(make("li", {}, words));
  if (!data.expectations.length) $("expectations").append(make("li", {}, "Nothing besides the promises is written down."));
  for (const [name, number] of Object.entries(data.counts)) {
    const bounds = data.expected[name];
    const fits = !bounds || (number >= bounds[0] && number <= bounds[1]);
    const words = bounds ? "expected " + count(bounds[0]) + " to " + count(bounds[1]) : "";
    $("counts").append(make("tr", {}, make("td", {}, name.replaceAll("_", " ")), make("td", {}, count(number)), make("td", { class: fits ? "small" : "bad" }, words)));
  }
  for (const [name, value] of data.options) $("options").append(make("tr", {}, make("td", {}, name.replaceAll("_", " ")), make("td", {}, value)));
})();
