(function diagram() {
  const drawn = data.diagram, hosts = data.hosts;
  const spans = drawn.spans.map(([host, kind, from, to, many, words]) => ({ host, kind, from, to, many, words }));
  const marks = drawn.marks.map(([host, kind, at, until, many, words]) => ({ host, kind, at, until, many, words }));
  const flights = drawn.flights.map(([device, up, sent, arrived, many, bytes, name, words]) => ({
    kind: arrived === null ? "lost" : "message", from: up ? device + 1 : 0, to: up ? 0 : device + 1, sent, arrived, many, bytes, name, words,
  }));
  marks.sort((a, b) => a.at - b.at);
  // What it is called, and how it is drawn: a band behind the lane, a bar on it, a stripe below, a sign, an arrow.
  const KINDS = {
    edit: ["An edit that a person made", "sign"], declined: ["An edit that was declined", "sign"],
    message: ["A message", "arrow"], lost: ["A message that never arrived", "arrow"],
    session: ["A session with the relay", "bar"], synced: ["A device has everything", "sign"],
    away: ["Out of reach", "band"], "cut-off": ["Cut off", "band"], half: ["Cut off one way", "band"],
    "no-dial": ["Tries in vain to reach the relay", "stripe"], damaged: ["A message damaged or doubled", "sign"],
    crash: ["A crash", "sign"], down: ["Down", "bar"], stopped: ["Switched off", "bar"], paused: ["Standing still", "bar"],
    clock: ["A clock that is wrong", "stripe"], storage: ["Trouble with storage", "sign"], full: ["No room left", "stripe"],
    slow: ["Slow", "stripe"], backup: ["A backup is made", "sign"], restored: ["Set back, wiped or copied", "sign"],
    office: ["The office changes something", "sign"], hostile: ["A stolen key at work", "sign"], path: ["Another path", "sign"],
    face: ["The relay is not honest", "stripe"], broken: ["A promise broken", "sign"],
  };
  const INK = { edit: "edit", declined: "bad", lost: "lost", message: "message", synced: "good", "no-dial": "faint", damaged: "warn", crash: "bad",
    storage: "full", backup: "odd", restored: "odd", office: "good", hostile: "bad", path: "odd", broken: "bad" };
  const ink = (kind) => colour(INK[kind] || kind);
  const present = new Set([...spans, ...marks, ...flights].map((thing) => thing.kind));
  const hidden = new Set();
  const GUTTER = 104, TOP = 24;
  const LANE = Math.max(20, Math.min(52, Math.floor(620 / hosts.length)));
  const canvas = $("diagram");
  let from = drawn.from, until = Math.max(drawn.until, drawn.from + 1), chosen = null;
  const FIRST = from, LAST = until;
  const width = () => canvas.clientWidth - GUTTER - 8;
  const x = (at) => GUTTER + ((at - from) / (until - from)) * width();
  const middle = (host) => TOP + host * LANE + LANE / 2;

  function sign(pen, kind, px, py, size) {
    pen.fillStyle = pen.strokeStyle = ink(kind);
    pen.lineWidth = 1.8;
    pen.beginPath();
    if (kind === "edit") { pen.arc(px, py, size, 0, 7); pen.fill(); }
    else if (kind === "declined") { pen.arc(px, py, size, 0, 7); pen.stroke(); }
    else if (kind === "crash" || kind === "broken") {
      const s = kind === "broken" ? size * 1.8 : size * 1.2;
      pen.lineWidth = kind === "broken" ? 4 : 2.6;
      pen.moveTo(px - s, py - s); pen.lineTo(px + s, py + s); pen.moveTo(px + s, py - s); pen.lineTo(px - s, py + s); pen.stroke();
    } else if (kind === "clock" || kind === "restored" || kind === "path") {
      pen.moveTo(px, py - size * 1.3); pen.lineTo(px + size * 1.3, py); pen.lineTo(px, py + size * 1.3); pen.lineTo(px - size * 1.3, py); pen.closePath(); pen.fill();
    } else if (kind === "hostile") { pen.moveTo(px, py - size * 1.3); pen.lineTo(px + size * 1.3, py + size); pen.lineTo(px - size * 1.3, py + size); pen.closePath(); pen.fill(); }
    else if (kind === "synced") { pen.moveTo(px - size, py); pen.lineTo(px - size * 0.2, py + size * 0.8); pen.lineTo(px + size, py - size); pen.stroke(); }
    else if (kind === "damaged") { pen.moveTo(px - size, py + size); pen.lineTo(px, py - size * 0.4); pen.lineTo(px, py + size * 0.4); pen.lineTo(px + size, py - size); pen.stroke(); }
    else if (kind === "backup") pen.strokeRect(px - size, py - size, size * 2, size * 2);
    else pen.fillRect(px - size, py - size, size * 2, size * 2);
  }
  function block(pen, kind, left, right, y, lane) {
    const shape = KINDS[kind][1];
    pen.fillStyle = ink(kind);
    if (shape === "band") pen.fillRect(left, y - lane / 2 + 1, Math.max(1, right - left), lane - 2);
    else if (shape === "stripe") pen.fillRect(left, y + lane / 2 - (kind === "no-dial" ? 3 : 7), Math.max(1.5, right - left), kind === "no-dial" ? 1.5 : 4);
    else if (kind === "session") pen.fillRect(left, y - 3, Math.max(1, right - left), 6);
    else pen.fillRect(left, y - 4.5, Math.max(1.5, right - left), 9);
  }
  function arrow(pen, x1, y1, x2, y2, kind, weight) {
    pen.strokeStyle = pen.fillStyle = ink(kind);
    pen.globalAlpha = kind === "lost" ? 0.9 : 0.55;
    pen.lineWidth = weight;
    pen.beginPath(); pen.moveTo(x1, y1); pen.lineTo(x2, y2); pen.stroke();
    const turn = Math.atan2(y2 - y1, x2 - x1), size = 5;
    pen.beginPath();
    if (kind === "lost") { pen.moveTo(x2 - 3, y2 - 3); pen.lineTo(x2 + 3, y2 + 3); pen.moveTo(x2 + 3, y2 - 3); pen.lineTo(x2 - 3, y2 + 3); pen.stroke(); }
    else {
      pen.moveTo(x2, y2);
      pen.lineTo(x2 - size * Math.cos(turn - 0.45), y2 - size * Math.sin(turn - 0.45));
      pen.lineTo(x2 - size * Math.cos(turn + 0.45), y2 - size * Math.sin(turn + 0.45));
      pen.fill();
    }
    pen.globalAlpha = 1;
  }
  const shown = (thing) => !hidden.has(thing.kind);
  const inView = (thing) => {
    const first = thing.sent ?? thing.from ?? thing.at, last = thing.arrived ?? thing.to ?? thing.until ?? first;
    return last >= from && first <= until;
  };
  const flightInView = (f) => (f.arrived ?? f.sent) >= from && f.sent <= until;
  const ends = (f) => {
    const y1 = middle(f.from), y2 = middle(f.to);
    return f.kind === "lost" ? [x(f.sent), y1, x(f.sent) + 6, y1 + (y2 - y1) * 0.45] : [x(f.sent), y1, x(f.arrived), y2];
  };

  function paint() {
    const height = TOP + hosts.length * LANE + 8;
    const { pen, width: total } = sharp(canvas, height);
    pen.save();
    pen.beginPath(); pen.rect(GUTTER, 0, total - GUTTER, height); pen.clip();
    for (const shape of ["band", "bar", "stripe"])
      for (const s of spans) if (KINDS[s.kind][1] === shape && shown(s) && s.to >= from && s.from <= until) block(pen, s.kind, Math.max(x(s.from), GUTTER - 2), Math.min(x(s.to), total + 2), middle(s.host), LANE);
    const marksOfTime = ticks(from, until, Math.max(2, total / 130));
    pen.fillStyle = colour("faint"); pen.strokeStyle = colour("line"); pen.lineWidth = 1;
    for (const at of marksOfTime.list) {
      pen.beginPath(); pen.moveTo(x(at), 16); pen.lineTo(x(at), height); pen.stroke();
      pen.fillText(moment(at, marksOfTime.step), x(at) + 3, 12);
    }
    for (let host = 0; host < hosts.length; host++) {
      pen.strokeStyle = colour("line"); pen.beginPath(); pen.moveTo(GUTTER, middle(host)); pen.lineTo(total, middle(host)); pen.stroke();
    }
    for (const f of flights) if (shown(f) && flightInView(f)) arrow(pen, ...ends(f), f.kind, Math.min(4, 1 + Math.log2(f.many) / 2.5));
    const size = LANE > 30 ? 4.2 : 3.2;
    for (const m of marks) if (shown(m) && m.until >= from && m.at <= until) sign(pen, m.kind, x(m.at), middle(m.host), Math.min(9, size + Math.log2(m.many) * 0.8));
    line(pen, height, 5, drawn.healed, "good", "healed: from here on everybody must come to agree");
    if (data.violation) line(pen, height, 20, data.violation.at, "bad", "a promise is broken");
    if (chosen) {
      pen.strokeStyle = colour("accent"); pen.lineWidth = 2;
      pen.beginPath(); pen.arc(x(chosen.at), middle(chosen.host), 11, 0, 7); pen.stroke();
    }
    pen.restore();
    pen.fillStyle = colour("ink");
    hosts.forEach((host, place) => pen.fillText(host.name, 8, middle(place) + 4));
    $("window").textContent = moment(from) + " to " + moment(until) + " (" + span(until - from) + ")";
    paintOverview();
    tell();
  }
  function line(pen, height, above, at, name, words) {
    if (at === null || at < from || at > until) return;
    pen.strokeStyle = pen.fillStyle = colour(name); pen.lineWidth = 2; pen.setLineDash([5, 4]);
    pen.beginPath(); pen.moveTo(x(at), 16); pen.lineTo(x(at), height); pen.stroke(); pen.setLineDash([]);
    const long = pen.measureText(words).width;
    pen.lineWidth = 4; pen.lineJoin = "round"; pen.strokeStyle = colour("card");
    pen.strokeText(words, Math.max(GUTTER + 4, x(at) - long - 6), height - above);
    pen.fillText(words, Math.max(GUTTER + 4, x(at) - long - 6), height - above);
  }
  function paintOverview() {
    const { pen, width: total, height } = sharp($("overview"), 30);
    const wide = total - GUTTER - 8, bins = new Array(Math.max(1, Math.floor(wide / 3))).fill(0);
    for (const m of marks) if (shown(m)) bins[Math.min(bins.length - 1, Math.floor(((m.at - FIRST) / (LAST - FIRST)) * bins.length))] += m.many;
    const most = Math.max(1, ...bins);
    pen.fillStyle = colour("edit");
    bins.forEach((n, i) => { if (n) pen.fillRect(GUTTER + (i * wide) / bins.length, height - 2 - (n / most) * (height - 6), 2.4, (n / most) * (height - 6)); });
    pen.fillStyle = colour("faint"); pen.fillText("whole run", 8, 19);
    pen.strokeStyle = colour("accent"); pen.lineWidth = 2;
    const at = (t) => GUTTER + ((t - FIRST) / (LAST - FIRST)) * wide;
    pen.strokeRect(at(from), 1.5, Math.max(4, at(until) - at(from)), height - 3);
  }

  const who = (thing) => hostName(thing.host);
  const times = (thing) => (thing.many > 1 ? " (" + count(thing.many) + " like this until " + moment(thing.until ?? thing.to) + ")" : "");
  function sentence(thing) {
    if (thing.name !== undefined) {
      const much = thing.many > 1 ? count(thing.many) + " × " + thing.name : thing.name + (thing.words ? " (" + thing.words + ")" : "");
      const end = thing.arrived === null ? ", which never arrived" : ", arrived after " + span(thing.arrived - thing.sent);
      return moment(thing.sent) + ": " + hostName(thing.from) + " sends " + hostName(thing.to) + ": " + much + ", " + count(thing.bytes) + " bytes" + end;
    }
    if (thing.at !== undefined) return moment(thing.at) + ": " + who(thing) + ": " + thing.words + times(thing);
    return moment(thing.from) + " to " + moment(thing.to) + " (" + span(thing.to - thing.from) + "): " + who(thing) + ": " + thing.words + (thing.many > 1 ? " (" + count(thing.many) + " times)" : "");
  }
  let telling = 0;
  function tell() {
    clearTimeout(telling);
    telling = setTimeout(() => {
      const MOST = 150;
      const things = [...spans.filter((s) => s.kind !== "session"), ...marks].filter((t) => shown(t) && inView(t));
      things.sort((a, b) => (a.at ?? a.from) - (b.at ?? b.from));
      const items = things.slice(0, MOST).map((thing) => {
        const words = sentence(thing), cut = words.indexOf(": ");
        const button = make("button", {}, make("span", { class: "at" }, words.slice(0, cut)), words.slice(cut + 2));
        button.onclick = () => { choose({ ...thing, at: thing.at ?? thing.from }); canvas.focus(); };
        return make("li", {}, button);
      });
      if (things.length > MOST) items.push(make("li", { class: "small" }, "and " + count(things.length - MOST) + " more; zoom in to read them"));
      if (!items.length) items.push(make("li", { class: "small" }, "Nothing happened in this part."));
      $("words").replaceChildren(...items);
    }, 120);
  }
  function look(first, last) {
    const least = 1000, length = Math.max(least, Math.min(last - first, LAST - FIRST));
    from = Math.max(FIRST, Math.min(first, LAST - length));
    until = from + length;
    paint();
  }
  const zoom = (factor, at) => look(at - (at - from) * factor, at + (until - at) * factor);
  const move = (part) => look(from + (until - from) * part, until + (until - from) * part);
  function choose(thing) {
    chosen = thing;
    $("now").textContent = thing.from !== undefined && thing.name === undefined ? sentence({ ...thing, at: undefined }) : sentence(thing);
    if (thing.at < from || thing.at > until) look(thing.at - (until - from) / 2, thing.at + (until - from) / 2);
    else paint();
  }
  function step(on) {
    const list = marks.filter(shown);
    const now = chosen ? chosen.at : on > 0 ? from - 1 : until + 1;
    const place = chosen ? list.indexOf(chosen) : -1;
    const next = place >= 0 ? list[place + on] : on > 0 ? list.find((m) => m.at > now) : list.filter((m) => m.at < now).pop();
    if (next) choose(next);
  }
  const centre = () => (from + until) / 2;
  const acts = { in: () => zoom(0.5, centre()), out: () => zoom(2, centre()), all: () => look(FIRST, LAST), left: () => move(-0.4), right: () => move(0.4), next: () => step(1), before: () => step(-1) };
  document.querySelectorAll("[data-do]").forEach((button) => (button.onclick = acts[button.dataset.do]));
  const keys = { ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out", 0: "all", Home: "all", n: "next", p: "before" };
  canvas.addEventListener("keydown", (event) => {
    if (keys[event.key] && !event.ctrlKey && !event.metaKey) { acts[keys[event.key]](); event.preventDefault(); }
  });
  const timeAt = (event) => from + ((event.offsetX - GUTTER) / width()) * (until - from);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event));
  }, { passive: false });
  canvas.ondblclick = (event) => zoom(0.35, timeAt(event));
  let held = null;
  canvas.onpointerdown = (event) => { held = { px: event.offsetX, from, until }; canvas.setPointerCapture(event.pointerId); };
  canvas.onpointerup = canvas.onpointercancel = () => (held = null);
  canvas.onpointermove = (event) => {
    if (held) {
      const shift = ((held.px - event.offsetX) / width()) * (held.until - held.from);
      look(held.from + shift, held.until + shift);
      return tip([]);
    }
    tip(under(event.offsetX, event.offsetY), event.clientX, event.clientY);
  };
  canvas.onpointerleave = () => tip([]);
  function under(px, py) {
    const host = Math.floor((py - TOP) / LANE), at = from + ((px - GUTTER) / width()) * (until - from);
    if (px < GUTTER) return hosts[host] ? [hosts[host].name + ": " + hosts[host].words] : [];
    const near = (m) => Math.hypot(x(m.at) - px, middle(m.host) - py);
    const found = marks.filter((m) => shown(m) && near(m) < 9).sort((a, b) => near(a) - near(b)).slice(0, 4);
    const reach = (f) => {
      const [x1, y1, x2, y2] = ends(f), long = (x2 - x1) ** 2 + (y2 - y1) ** 2 || 1;
      const t = Math.max(0, Math.min(1, ((px - x1) * (x2 - x1) + (py - y1) * (y2 - y1)) / long));
      return Math.hypot(px - x1 - t * (x2 - x1), py - y1 - t * (y2 - y1));
    };
    if (!found.length) found.push(...flights.filter((f) => shown(f) && flightInView(f) && reach(f) < 5).sort((a, b) => reach(a) - reach(b)).slice(0, 3));
    found.push(...spans.filter((s) => shown(s) && s.host === host && s.from <= at && s.to >= at));
    return found.slice(0, 6).map(sentence);
  }
  $("overview").onclick = (event) => {
    const at = FIRST + ((event.offsetX - GUTTER) / width()) * (LAST - FIRST);
    look(at - (until - from) / 2, at + (until - from) / 2);
  };
  function legend() {
    $("legend").replaceChildren();
    for (const [kind, [words, shape]] of Object.entries(KINDS)) {
      if (!present.has(kind)) continue;
      const sample = make("canvas", { width: 44, height: 32, "aria-hidden": "true" });
      const box = make("input", { type: "checkbox" });
      box.checked = !hidden.has(kind);
      box.onchange = () => { box.checked ? hidden.delete(kind) : hidden.add(kind); paint(); };
      $("legend").append(make("label", {}, box, sample, words));
      const pen = sample.getContext("2d");
      pen.scale(2, 2);
      if (shape === "sign") sign(pen, kind, 11, 8, 4);
      else if (shape === "arrow") arrow(pen, 2, 13, 19, 3, kind, 1.5);
      else block(pen, kind, 1, 21, 8, 16);
    }
  }
  for (const note of drawn.notes) $("bounds").append(make("li", {}, note));
  const all = () => { legend(); paint(); };
  addEventListener("resize", paint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  all();
})();
