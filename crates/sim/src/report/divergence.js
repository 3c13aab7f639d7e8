(function divergence() {
  const { hosts, omitted, times, lacking } = data.divergence;
  const apart = (at, one, other) => lacking[at][one * hosts + other] + lacking[at][other * hosts + one];
  const farthest = times.map((_, at) => {
    let most = [0, 0, 0];
    for (let one = 0; one < hosts; one++) for (let other = one + 1; other < hosts; other++) if (apart(at, one, other) > most[0]) most = [apart(at, one, other), one, other];
    return most;
  });
  const most = Math.max(1, ...farthest.map((far) => far[0]));
  const slider = $("moment");
  slider.max = times.length - 1;
  const worst = farthest.reduce((best, far, at) => (far[0] > farthest[best][0] ? at : best), 0);
  slider.value = worst;
  const cells = [];
  (function table() {
    const head = make("tr", {}, make("th", {}));
    for (let other = 0; other < hosts; other++) head.append(make("th", { scope: "col" }, hostName(other)));
    const body = make("tbody", {});
    for (let one = 0; one < hosts; one++) {
      const row = make("tr", {}, make("th", { scope: "row" }, hostName(one)));
      for (let other = 0; other < hosts; other++) {
        const cell = make("td", {});
        cells.push(cell);
        row.append(cell);
        cell.onpointermove = (event) => tip(words(one, other), event.clientX, event.clientY);
        cell.onpointerleave = () => tip([]);
      }
      body.append(row);
    }
    $("heat").append(make("thead", {}, head), body);
    if (hosts > 14) $("heat").className = "many";
    if (omitted) $("heat").after(make("p", { class: "small" }, "The first " + (hosts - 1) + " devices are shown; " + omitted + " more took part."));
  })();
  const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
  function shade(number) {
    if (!number) return "";
    const part = Math.sqrt(number / most);
    return "hsl(" + colour("heat") + ", " + (dark() ? 20 + 42 * part : 92 - 50 * part) + "%)";
  }
  function words(one, other) {
    const at = +slider.value;
    if (one === other) return [hostName(one)];
    const line = (lacks, has, number) => hostName(lacks) + " lacks " + plural(number, "operation", "operations") + " that " + hostName(has) + " has";
    if (!apart(at, one, other)) return [hostName(one) + " and " + hostName(other) + " have the same operations"];
    return [line(one, other, lacking[at][one * hosts + other]), line(other, one, lacking[at][other * hosts + one])];
  }
  function show() {
    const at = +slider.value;
    $("when").textContent = moment(times[at]) + " · " + calendar(times[at]);
    slider.setAttribute("aria-valuetext", moment(times[at]));
    cells.forEach((cell, place) => {
      const one = Math.floor(place / hosts), other = place % hosts, number = apart(at, one, other);
      cell.textContent = one === other ? "" : number || "·";
      cell.style.background = one === other ? "none" : shade(number);
      cell.style.color = number && !dark() && Math.sqrt(number / most) > 0.55 ? "#fff" : "";
      cell.setAttribute("aria-label", words(one, other).join("; "));
    });
    const [number, one, other] = farthest[at];
    $("farthest").textContent = number
      ? "Farthest apart: " + hostName(one) + " and " + hostName(other) + ", by " + plural(number, "operation", "operations") + ". " + words(one, other).join("; ") + "."
      : "Everybody has the same operations.";
    curve();
  }
  const LEFT = 46;
  function curve() {
    const { pen, width, height } = sharp($("curve"), 110);
    const x = (at) => LEFT + (at / data.end) * (width - LEFT - 10), y = (number) => height - 22 - (number / most) * (height - 36);
    pen.strokeStyle = colour("line"); pen.fillStyle = colour("faint");
    const marks = ticks(0, data.end, width / 140);
    for (const at of marks.list) { pen.beginPath(); pen.moveTo(x(at), 8); pen.lineTo(x(at), height - 20); pen.stroke(); pen.fillText(moment(at, marks.step), x(at) + 2, height - 6); }
    pen.fillText(count(most), 6, y(most) + 4); pen.fillText("0", 6, y(0) + 4);
    pen.beginPath(); pen.moveTo(x(0), y(0));
    times.forEach((at, place) => { pen.lineTo(x(at), y(farthest[place][0])); });
    pen.strokeStyle = colour("accent"); pen.lineWidth = 1.8; pen.stroke();
    pen.lineTo(x(times[times.length - 1]), y(0)); pen.closePath(); pen.globalAlpha = 0.15; pen.fillStyle = colour("accent"); pen.fill(); pen.globalAlpha = 1;
    const at = times[+slider.value];
    pen.strokeStyle = colour("bad"); pen.beginPath(); pen.moveTo(x(at), 4); pen.lineTo(x(at), height - 20); pen.stroke();
  }
  $("curve").onclick = (event) => {
    const at = ((event.offsetX - LEFT) / ($("curve").clientWidth - LEFT - 10)) * data.end;
    slider.value = times.reduce((best, time, place) => (Math.abs(time - at) < Math.abs(times[best] - at) ? place : best), 0);
    show();
  };
  slider.oninput = show;
  let playing = 0;
  $("play").onclick = () => {
    if (playing) { clearInterval(playing); playing = 0; $("play").textContent = "Play"; return; }
    $("play").textContent = "Stop";
    if (+slider.value === times.length - 1) slider.value = 0;
    playing = setInterval(() => {
      slider.value = +slider.value + 1;
      show();
      if (+slider.value === times.length - 1) $("play").click();
    }, 120);
  };
  addEventListener("resize", curve);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
})();
