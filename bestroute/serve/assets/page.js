"use strict";
// Every text goes in as text, never as markup.
const byId = (id) => document.getElementById(id);
const show = (id, text) => { if (byId(id).textContent !== text) byId(id).textContent = text; };
const percent = (value) => (value === null || value === undefined ? "–" : (100 * value).toFixed(1) + " %");
const dollars = (value) => (value === null || value === undefined ? "–" : "$" + Number(value.toPrecision(3)));
const quality = (value) => (value === null || value === undefined ? "–" : value.toFixed(4));
const milliseconds = (value) => {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? value.toFixed(value < 10 ? 1 : 0) + " ms" : (value / 1000).toFixed(2) + " s";
};
const EVERY_MS = 2000;
const SETTLED_MS = 80;
let told = null; // the last overview
let chosen = null; // the policy that is shown
let moved = false; // whether the dial stands elsewhere than in the policy
let asking = null; // what is under way for the dial; a move ends it, a refresh does not
let looking = false; // whether an overview is under way
let settling = 0;

function rows(id, lines) {
  byId(id).replaceChildren(...lines.map((cells) => {
    const row = document.createElement("tr");
    cells.forEach((cell, place) => {
      const box = document.createElement(place ? "td" : "th");
      if (!place) box.scope = "row";
      if (cell instanceof Node) { box.className = "bar"; box.append(cell); } else { box.textContent = cell; }
      row.append(box);
    });
    return row;
  }));
}

function bar(share, words) {
  const meter = document.createElement("meter");
  meter.max = 1;
  meter.value = share;
  meter.setAttribute("aria-label", words);
  return meter;
}

async function overview() {
  if (looking) return;
  looking = true;
  try {
    const response = await fetch("/page/overview");
    if (!response.ok) throw new Error("status " + response.status);
    told = await response.json();
    draw();
    const refused = told.refused.length ? "; refused, the last that held is served: " + told.refused.join(", ") : "";
    show("state", "As of " + new Date().toLocaleTimeString() + refused);
    byId("state").classList.toggle("wrong", told.refused.length > 0);
  } catch (error) {
    show("state", "The gateway does not answer: " + error.message);
    byId("state").classList.add("wrong");
  } finally {
    looking = false;
  }
}

function draw() {
  const names = Object.keys(told.policies);
  const select = byId("policy");
  if ([...select.options].map((one) => one.value).join("\n") !== names.join("\n")) {
    select.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  if (!names.includes(chosen)) { chosen = names[0]; moved = false; }
  select.value = chosen;
  const policy = told.policies[chosen];
  const totals = told.totals;
  show("file", policy.file + ", " + policy.digest + ", reference " + policy.reference);
  show("requests", totals.requests.toLocaleString());
  show("cost", dollars(totals.cost));
  show("reference-cost", dollars(totals.reference_cost));
  show("saving", percent(totals.saving));
  show("errors", totals.errors.toLocaleString());
  drawRecent(policy.recent);
  drawEndpoints(policy.endpoints);
  drawDial(policy);
}

function drawRecent(recent) {
  show("window", recent.requests
    ? "The last " + recent.requests.toLocaleString() + " requests of this worker, since "
      + new Date(1000 * recent.since).toLocaleString() + ": saving " + percent(recent.saving)
    : "No request yet. Ask for model " + chosen + " at " + location.origin + "/v1.");
  rows("arms", Object.entries(recent.arms).map(([arm, one]) => [
    arm, percent(one.share), bar(one.share, arm), one.requests.toLocaleString(), dollars(one.cost),
  ]));
  for (const [name, spans] of [["latency", recent.latency_ms], ["first", recent.first_ms]]) {
    for (const rank of ["p50", "p95"]) show(name + "-" + rank, milliseconds(spans && spans[rank]));
  }
}

const STATES = { closed: "well", open: "left alone", "half-open": "being tried" };

function drawEndpoints(endpoints) {
  rows("endpoints", endpoints.map((one) => [
    one.model,
    STATES[one.state] + (one.why ? ": " + one.why : "") + (one.rest_s > 0 ? ", " + one.rest_s.toFixed(0) + " s" : ""),
    one.calls.toLocaleString(),
    Object.entries(one.faults).map(([kind, count]) => kind + " " + count).join(", ") || "none",
    String(one.under_way),
    milliseconds(one.latency_ms.p50),
    milliseconds(one.latency_ms.p90),
  ]));
}

function nearest(grid, setting) {
  let best = 0;
  grid.forEach((one, place) => { if (Math.abs(one - setting) < Math.abs(grid[best] - setting)) best = place; });
  return best;
}

function drawDial(policy) {
  const dial = policy.dial;
  show("dial-label", dial.key);
  show("dial-file", policy.file);
  show("dial-note", dial.decisions
    ? "What the last " + dial.decisions + " decisions (of at most " + dial.most + ") would come to, by what is predicted of "
      + "them; a request that a rule routes stays where it is. Nothing is changed by moving it."
    : "There is nothing to try it on yet: no decision of this policy, as it is now, is in memory.");
  const input = byId("dial");
  input.max = dial.grid.length - 1;
  if (!moved) { input.value = nearest(dial.grid, dial.setting); setTo(dial.setting); }
  if (!asking) askDial();
}

function setTo(setting) {
  const { key } = told.policies[chosen].dial;
  show("setting", String(setting));
  byId("dial").setAttribute("aria-valuetext", key + " " + setting);
}

function setting() {
  const dial = told.policies[chosen].dial;
  return moved ? dial.grid[Number(byId("dial").value)] : dial.setting;
}

async function askDial() {
  if (asking) asking.abort();
  const mine = asking = new AbortController();
  try {
    const asked = new URLSearchParams({ policy: chosen, setting: setting() });
    const response = await fetch("/page/dial?" + asked, { signal: mine.signal });
    const found = await response.json();
    if (!response.ok) throw new Error(found.error.message);
    if (mine === asking) drawDialled(found);
  } catch (error) {
    if (error.name !== "AbortError") show("dial-state", "The dial could not be tried: " + error.message);
  } finally {
    if (mine === asking) asking = null;
  }
}

function drawDialled(found) {
  const { now, there } = found;
  const arms = [...new Set([...Object.keys(now.arms), ...Object.keys(there.arms)])];
  const share = (side, arm) => percent(side.arms[arm] ? side.arms[arm].share : side.queries ? 0 : null);
  rows("dialled", [
    ...arms.map((arm) => [arm, share(now, arm), share(there, arm)]),
    ["US$ per 1,000 requests", dollars(now.cost_per_1000), dollars(there.cost_per_1000)],
    ["Saving against the reference", percent(now.saving), percent(there.saving)],
    ["Mean predicted gap", quality(now.mean_gap), quality(there.mean_gap)],
  ]);
  show("line", found.line);
  show("dial-state", there.queries && moved
    ? "At " + found.setting + " the saving would be " + percent(there.saving) + ", now it is " + percent(now.saving) + "."
    : "");
}

byId("policy").addEventListener("change", (event) => { chosen = event.target.value; moved = false; draw(); askDial(); });
byId("dial").addEventListener("input", () => {
  if (!told) return;
  moved = true;
  setTo(setting());
  clearTimeout(settling);
  settling = setTimeout(askDial, SETTLED_MS);
});
byId("reset").addEventListener("click", () => { if (told) { moved = false; draw(); askDial(); } });
byId("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(byId("line").textContent);
    show("dial-state", "Copied.");
  } catch {
    getSelection().selectAllChildren(byId("line"));
    show("dial-state", "Selected; copy it with the keyboard.");
  }
});
overview();
setInterval(() => { if (!document.hidden) overview(); }, EVERY_MS);
document.addEventListener("visibilitychange", () => { if (!document.hidden) overview(); });
