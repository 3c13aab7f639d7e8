(function lens() {
  const records = data.lens.records, hosts = data.hosts;
  $("lens-words").textContent = records.length
    ? "Pick a record. " + (data.lens.others ? "Shown are the " + records.length + " that people disagreed about most; " + plural(data.lens.others, "more had", "more had") + " a conflict or an issue." : "Those that people disagreed about most come first.")
    : "Nobody worked on any record.";
  if (!records.length) return;
  const OFF = -1, NOTHING = -2;
  records.forEach((record, place) => {
    const words = [plural(record.operations.length + record.omitted, "operation", "operations"), plural(record.conflicts.length, "conflict", "conflicts"), plural(record.issues.length, "issue", "issues")];
    $("record").append(make("option", { value: place }, record.name + ": " + words.join(", ")));
  });
  const ROW = 26, LEFT = 84;
  const record = () => records[+$("record").value];
  const wanted = () => $("field").value;

  function fields() {
    const names = new Set(record().operations.flatMap((operation) => operation.fields.map(([name]) => name)));
    const contested = record().conflicts.map((conflict) => conflict.field);
    $("field").replaceChildren(make("option", { value: "" }, "all of them"));
    for (const name of names) {
      const many = contested.filter((field) => field === name).length;
      $("field").append(make("option", { value: name }, name + (many ? " (" + plural(many, "conflict", "conflicts") + ")" : "")));
    }
  }
  const about = (operation) => !wanted() || !operation.fields.length || operation.fields.some(([name]) => name === wanted());
  const written = (operation) => operation.fields.filter(([name]) => !wanted() || name === wanted()).map(([name, value]) => name + " " + value).join(", ");
  function story(operation) {
    const place = operation.version === null ? "not in the ledger" : "version " + operation.version;
    const when = operation.at === null ? "" : moment(operation.at) + ": ";
    const late = operation.at !== null && operation.arrived !== null ? "; in the ledger " + span(Math.max(0, operation.arrived - operation.at)) + " later" : "";
    const verdict = operation.rejected ? "; rejected: " + operation.rejected : "";
    return when + hostName(operation.host) + " " + operation.change + "s" + (written(operation) ? ": " + written(operation) : "") + " (" + place + ", having seen version " + operation.base + late + verdict + ")";
  }
  const involved = () => {
    const all = new Set([0, ...record().operations.map((operation) => operation.host), ...Object.keys(record().screens.shown).map(Number)]);
    return [...all].sort((a, b) => a - b).slice(0, 33);
  };

  function causes() {
    const rows = involved(), svg = $("causes"), STEP = 34;
    const operations = record().operations;
    const x = (place) => LEFT + 20 + place * STEP, y = (host) => 16 + rows.indexOf(host) * ROW;
    svg.replaceChildren();
    svg.setAttribute("width", Math.max(600, x(operations.length) + 10));
    svg.setAttribute("height", rows.length * ROW + 26);
    for (const host of rows) {
      svg.append(draw("line", { x1: LEFT, x2: x(operations.length), y1: y(host), y2: y(host), stroke: "var(--line)" }));
      svg.append(draw("text", { x: 2, y: y(host) + 4 }, hostName(host)));
    }
    operations.forEach((operation, place) => {
      for (const cause of operation.causes) {
        const from = operations[cause];
        const far = about(operation) && about(from) ? 0.75 : 0.15;
        const bend = (x(place) + x(cause)) / 2, lift = from.host === operation.host && place - cause > 1 ? 11 : 0;
        svg.append(draw("path", { d: "M" + x(cause) + " " + y(from.host) + "Q" + bend + " " + ((y(from.host) + y(operation.host)) / 2 - lift) + " " + x(place) + " " + y(operation.host), fill: "none", stroke: "var(--message)", "stroke-width": 1.3, opacity: far }));
      }
    });
    operations.forEach((operation, place) => {
      const inLedger = operation.version !== null;
      const ink = operation.rejected ? "var(--bad)" : "var(--edit)";
      const dot = draw("circle", { cx: x(place), cy: y(operation.host), r: 7, fill: inLedger ? ink : "var(--card)", stroke: ink, "stroke-width": 2, opacity: about(operation) ? 1 : 0.2, tabindex: 0, role: "button", "aria-label": story(operation) });
      const tell = () => ($("operation").textContent = story(operation));
      dot.onfocus = dot.onclick = tell;
      dot.onpointermove = (event) => tip([story(operation)], event.clientX, event.clientY);
      dot.onpointerleave = () => tip([]);
      svg.append(dot);
      if (inLedger) svg.append(draw("text", { x: x(place), y: rows.length * ROW + 18, "text-anchor": "middle", class: "faint" }, operation.version));
    });
    svg.append(draw("text", { x: 2, y: rows.length * ROW + 18, class: "faint" }, "version"));
    $("operation").textContent = record().omitted ? "The first " + operations.length + " operations are shown; " + record().omitted + " more followed." : "";
  }
  function reads(state) {
    if (state === OFF) return "(off)";
    if (state === NOTHING) return "(not there)";
    const known = record().screens.states[state];
    if (!known) return "(yet another state)";
    const parts = Object.entries(known.fields).filter(([name]) => !wanted() || name === wanted()).map(([name, value]) => (wanted() ? value : name + " " + value));
    return (known.alive ? "" : "deleted: ") + (parts.join(", ") || "(empty)") + (known.conflict ? " [in conflict]" : "");
  }
  const hues = new Map();
  function paintOf(text) {
    if (text === "(off)") return "var(--stopped)";
    if (text === "(not there)") return "transparent";
    if (!hues.has(text)) hues.set(text, Math.round((hues.size * 137.5) % 360));
    return "hsl(" + hues.get(text) + " 55% " + (matchMedia("(prefers-color-scheme: dark)").matches ? "34%" : "78%") + ")";
  }
  function screens() {
    const rows = involved(), svg = $("screens"), wide = Math.max(560, svg.parentElement.clientWidth - 4);
    const x = (at) => LEFT + (at / data.end) * (wide - LEFT - 6);
    hues.clear();
    svg.replaceChildren();
    svg.setAttribute("width", wide);
    svg.setAttribute("height", rows.length * ROW + 24);
    const marks = ticks(0, data.end, wide / 140);
    for (const at of marks.list) svg.append(draw("text", { x: x(at), y: rows.length * ROW + 17, class: "faint" }, moment(at, marks.step)));
    rows.forEach((host, row) => {
      svg.append(draw("text", { x: 2, y: row * ROW + 17 }, hostName(host)));
      const merged = [];
      for (const [since, state] of record().screens.shown[host] || []) {
        const text = reads(state), last = merged[merged.length - 1];
        if (!last || last.text !== text) merged.push({ since, text });
      }
      merged.forEach(({ since, text }, place) => {
        const until = place + 1 < merged.length ? merged[place + 1].since : data.end;
        const words = moment(since) + " to " + moment(until) + ": " + hostName(host) + " shows " + text;
        const room = x(until) - x(since);
        const box = draw("rect", { x: x(since), y: row * ROW + 2, width: Math.max(0.8, room), height: ROW - 4, fill: paintOf(text), stroke: "var(--card)", "stroke-width": room > 3 ? 0.8 : 0 });
        box.onpointermove = (event) => tip([words], event.clientX, event.clientY);
        box.onpointerleave = () => tip([]);
        box.onclick = () => ($("screen").textContent = words);
        svg.append(box);
        if (room > 60) {
          const fits = Math.floor(room / 7) - 1;
          const label = draw("text", { x: x(since) + 4, y: row * ROW + 17, "pointer-events": "none" }, text.length > fits ? text.slice(0, fits) + "…" : text);
          svg.append(label);
        }
      });
    });
    $("screen").textContent = "";
  }
  function conflicts() {
    const list = [];
    for (const conflict of record().conflicts) {
      if (wanted() && conflict.field !== null && conflict.field !== wanted()) continue;
      const sides = conflict.sides.map((side) => hostName(side.host) + " wrote “" + side.value + "” (version " + side.version + (side.version === conflict.shown ? ", which shows" : "") + ")");
      const base = conflict.base === null ? "" : ", where “" + conflict.base + "” stood before";
      const outcome = { open: "it waits for a person", superseded: "the policy decided, and the journal keeps the rest", resolved: "a person resolved it (version " + conflict.by + ")", overwritten: "a later write, whose author had seen all of it, settled it (version " + conflict.by + ")" }[conflict.outcome];
      list.push(make("li", {}, make("strong", { class: conflict.outcome === "open" ? "bad" : "" }, "Conflict about " + (conflict.field ?? "the record itself")), ": " + sides.join("; ") + base + ". Policy " + conflict.policy + ": " + outcome + "."));
    }
    for (const issue of record().issues) list.push(make("li", {}, make("strong", { class: issue.open ? "bad" : "" }, "Issue for " + issue.user + " (" + issue.code + ")"), ": " + issue.what + " " + issue.can + (issue.open ? " Open." : " Settled.")));
    if (!list.length) list.push(make("li", {}, "None."));
    $("conflicts").replaceChildren(...list);
  }
  function table() {
    const head = make("tr", {}, ...["Version", "Author", "Had seen", "Written", "In the ledger", "What", "Verdict"].map((name) => make("th", { scope: "col" }, name)));
    const rows = record().operations.filter(about).map((o) =>
      make("tr", {}, ...[o.version ?? "–", hostName(o.host), o.base, o.at === null ? "–" : moment(o.at), o.arrived === null ? "never" : moment(o.arrived), o.change + (written(o) ? ": " + written(o) : ""), o.version === null ? "never arrived" : o.rejected || "admitted"].map((cell) => make("td", {}, String(cell)))));
    $("operations").replaceChildren(head, ...rows);
  }
  const all = () => { causes(); screens(); conflicts(); table(); };
  $("record").onchange = () => { fields(); all(); };
  $("field").onchange = all;
  addEventListener("resize", screens);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", screens);
  fields();
  all();
})();
