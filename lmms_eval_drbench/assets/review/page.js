"use strict";
// Human verification: one record at a time, decided by keyboard. Every text is put in as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("review-data").textContent);
  const KEY = `drbench-review-${data.fingerprint}`;
  const FORMAT = "drbench-review/1";
  const COLORS = ["#ffd54a", "#4fc3f7", "#ff8a65", "#aed581", "#ce93d8", "#f48fb1", "#4db6ac", "#e6ee9c"];
  const WORDS = { accept: "accepted", reject: "rejected", fix: "to be fixed" };
  const MOVES = ["n", "p", "ArrowRight", "ArrowLeft"];
  const MOST_SQUARES = 800;
  const at = (id) => document.getElementById(id);
  const words = (name) => name.replaceAll("_", " ");
  const letter = (index) => String.fromCharCode(65 + index);

  function make(tag, className, ...content) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...content); // strings become text nodes
    return element;
  }

  // What was decided: kept in this browser, under the data's fingerprint

  const decided = new Map();
  const known = new Set(data.questions.map((question) => question.id));

  function isDecision(found) {
    const isText = (value) => value === undefined || typeof value === "string";
    return found !== null && typeof found === "object" && Object.hasOwn(WORDS, found.decision) && isText(found.note)
      && isText(found.logic)
      && (found.decision !== "fix" || (Array.isArray(found.answer) && found.answer.every((text) => typeof text === "string")));
  }

  function review() {
    return {
      format: FORMAT, data: data.name, fingerprint: data.fingerprint, split: data.split,
      reviewer: at("reviewer").value.trim(), decisions: Object.fromEntries(decided),
    };
  }

  let isKept = true;
  function keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify(review()));
    } catch {
      if (isKept) say("This browser keeps nothing for this page: export before you close it.");
      isKept = false;
    }
  }

  function recall() {
    let found;
    try {
      found = JSON.parse(localStorage.getItem(KEY));
    } catch {
      return;
    }
    if (!found || !found.decisions || typeof found.decisions !== "object") return;
    decided.clear();
    for (const [id, decision] of Object.entries(found.decisions)) if (isDecision(decision)) decided.set(id, decision);
    at("reviewer").value = typeof found.reviewer === "string" ? found.reviewer : "";
  }

  // Filters and the place in what they show

  const distinct = (name) => [...new Set(data.questions.map((question) => question[name]))].sort();
  const fields = {
    category: select("Category", [["", "all"], ...distinct("category").map((name) => [name, words(name)])]),
    family: select("Family", [["", "all"], ...distinct("family").map((name) => [name, words(name)])]),
    decision: select("Decision", [["", "all"], ["none", "undecided"], ...Object.entries(WORDS), ["note", "with a note"]]),
  };
  let shown = data.questions;
  let place = 0;
  let fixing = false;

  function select(title, choices) {
    const field = make("select");
    field.name = title.toLowerCase();
    for (const [value, text] of choices) {
      const option = make("option", "", text);
      option.value = value;
      field.append(option);
    }
    at("filters").append(make("label", "", title, field));
    return field;
  }

  function matches(question) {
    const decision = decided.get(question.id);
    const wanted = fields.decision.value;
    if (fields.category.value && question.category !== fields.category.value) return false;
    if (fields.family.value && question.family !== fields.family.value) return false;
    if (wanted === "none") return !decision;
    if (wanted === "note") return Boolean(decision && decision.note);
    return !wanted || Boolean(decision && decision.decision === wanted);
  }

  function filter() {
    shown = data.questions.filter(matches);
    const undecided = shown.findIndex((question) => !decided.has(question.id));
    go(Math.max(0, undecided));
  }

  function go(index) {
    fixing = false;
    place = Math.max(0, Math.min(shown.length - 1, index));
    if (document.activeElement && document.activeElement !== document.body) document.activeElement.blur();
    draw();
    if (at("main").getBoundingClientRect().top < 0) at("main").scrollIntoView();
  }

  // Deciding

  function decide(decision) {
    const question = shown[place];
    if (!question) return;
    if (decision) decided.set(question.id, decision);
    else decided.delete(question.id);
    keep();
  }

  function note() {
    const decision = shown[place] && decided.get(shown[place].id);
    return decision && decision.note ? { note: decision.note } : {};
  }

  const actions = {
    a() {
      decide({ decision: "accept", ...note() });
      if (place === shown.length - 1) say(finished());
      go(place + 1);
    },
    r() {
      decide({ decision: "reject", ...note() });
      fixing = false;
      draw();
      if (at("note")) at("note").focus();
    },
    f() {
      const question = shown[place];
      if (!question) return;
      if (!question.options.length && question.premise !== null) {
        say("An open question about a premise has no answer to fix: reject it.");
        return;
      }
      fixing = true;
      draw();
      at("fix").scrollIntoView({ block: "nearest" });
      const typed = at("typed");
      if (typed) { typed.focus(); typed.select(); }
    },
    u() { decide(null); go(place); },
    m() { if (at("note") && !at("note").disabled) at("note").focus(); },
    n() { go(place + 1); },
    p() { go(place - 1); },
    b() { at("main").classList.toggle("bare"); draw(); },
    z() { at("main").classList.toggle("zoom"); draw(); },
    e: exported,
    "?"() { at("help").showModal(); },
    ArrowRight() { go(place + 1); },
    ArrowLeft() { go(place - 1); },
  };

  function finished() {
    const left = shown.filter((question) => !decided.has(question.id)).length;
    return left ? `The last one shown; ${left} before it are undecided.` : "Everything shown is decided. Export with e.";
  }

  function chosen(question) {
    if (!question.options.length) {
      return [...new Set(at("typed").value.split("|").map((text) => text.trim()).filter(Boolean))];
    }
    return [...document.querySelectorAll("#choices input:checked")].map((input) => input.value);
  }

  const same = (left, right) => left.length === right.length && left.every((text) => right.includes(text));

  function confirmFix() {
    const question = shown[place];
    const answer = chosen(question);
    const wrong = !answer.length ? "Choose what is right."
      : same(answer, question.answer) ? "This is the answer that it has: accept it instead (Esc, a)." : "";
    if (wrong) {
      at("wrong").textContent = wrong;
      return;
    }
    const logic = at("logic").value.trim();
    const about = at("fix-note").value.trim();
    decide({ decision: "fix", answer, ...(logic ? { logic } : {}), ...(about ? { note: about } : {}) });
    go(place + 1);
  }

  // In and out

  function exported() {
    const found = review();
    if (!found.reviewer) {
      say("Who reviewed? Write your name first.");
      at("reviewer").focus();
      return;
    }
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([`${JSON.stringify(found, null, 1)}\n`], { type: "application/json" }));
    const name = found.reviewer.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 40) || "reviewer";
    link.download = `decisions-${data.fingerprint}-${name}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    const here = [...decided.keys()].filter((id) => known.has(id)).length;
    say(`${here} of ${data.questions.length} decisions exported.`);
  }

  async function imported(file) {
    let found;
    try {
      found = JSON.parse(await file.text());
    } catch {
      say("This file is not JSON: choose an export of this page.");
      return;
    }
    const mine = at("reviewer").value.trim();
    if (!found || found.format !== FORMAT || found.decisions === null || typeof found.decisions !== "object") {
      say("This file is no export of a review.");
    } else if (found.fingerprint !== data.fingerprint) {
      say(`This review is of other data (${String(found.fingerprint).slice(0, 40)}).`);
    } else if (mine && found.reviewer !== mine) {
      say(`This is the review of ${String(found.reviewer).slice(0, 80)}, not of ${mine}: reviews stay apart.`);
    } else {
      const counts = { taken: 0, kept: 0, unreadable: 0 };
      for (const [id, decision] of Object.entries(found.decisions)) {
        if (!isDecision(decision)) counts.unreadable += 1;
        else if (decided.has(id)) counts.kept += 1;
        else { decided.set(id, decision); counts.taken += 1; }
      }
      if (typeof found.reviewer === "string") at("reviewer").value = found.reviewer;
      keep();
      const more = counts.unreadable ? `, ${counts.unreadable} can't be read` : "";
      say(`${counts.taken} decisions imported, ${counts.kept} were made here already${more}.`);
      filter();
    }
  }

  let fading;
  function say(text) {
    at("toast").textContent = text;
    clearTimeout(fading);
    fading = setTimeout(() => { at("toast").textContent = ""; }, 6000);
  }

  // The picture

  const SVG = "http://www.w3.org/2000/svg";
  const isWhole = (box, picture) => box[2] >= 0.98 * picture.width && box[3] >= 0.98 * picture.height;

  function scene(question) {
    const picture = data.pictures[question.picture];
    const holder = make("div", at("main").classList.contains("bare") ? "scene off" : "scene");
    const image = make("img");
    image.src = picture.uri;
    image.alt = `picture ${question.image}`;
    image.width = picture.width;
    image.height = picture.height;
    image.style.aspectRatio = `${picture.width} / ${picture.height}`;
    image.style.height = "auto";
    const room = at("main").classList.contains("zoom") ? "none" : `calc(74vh * ${picture.width / picture.height})`;
    image.style.width = room === "none" ? "100%" : `max(${Math.min(picture.width, 320)}px, ${room})`;
    const overlay = document.createElementNS(SVG, "svg");
    overlay.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
    holder.append(image, overlay);
    const marks = question.entities.map((entity, index) => {
      if (!entity.box || isWhole(entity.box, picture)) return [];
      const box = document.createElementNS(SVG, "rect");
      ["x", "y", "width", "height"].forEach((side, axis) => box.setAttribute(side, axis < 2 ? entity.box[axis] : Math.max(0, entity.box[axis])));
      const tag = make("span", "tag", entity.name);
      for (const mark of [box, tag]) mark.style.setProperty("--box", COLORS[index % COLORS.length]);
      overlay.append(box);
      holder.append(tag);
      return [box, tag];
    });
    const light = (index, on) => {
      holder.classList.toggle("one", on && marks[index].length > 0);
      marks[index].forEach((mark) => mark.classList.toggle("on", on));
    };
    new ResizeObserver(() => label(holder, question, picture)).observe(holder);
    return [holder, light];
  }

  // Each label stands at a corner of its box, at the first place that is in the picture and where no other label is.
  function label(holder, question, picture) {
    const scale = holder.clientWidth / picture.width;
    const taken = [];
    const overlap = (one, other) => Math.max(0, Math.min(one.x + one.w, other.x + other.w) - Math.max(one.x, other.x))
      * Math.max(0, Math.min(one.y + one.h, other.y + other.h) - Math.max(one.y, other.y));
    const tags = [...holder.querySelectorAll(".tag")];
    const boxes = question.entities.filter((entity) => entity.box && !isWhole(entity.box, picture)).map((entity) => entity.box);
    tags.forEach((tag, index) => {
      const [x, y, w, h] = boxes[index].map((side) => side * scale);
      const size = { w: tag.offsetWidth, h: tag.offsetHeight };
      const spots = [y - size.h, y, y + h, y + h - size.h].flatMap((top) => [[x, top], [x + w - size.w, top]]);
      const placed = spots.map(([left, top]) => ({
        x: Math.max(0, Math.min(holder.clientWidth - size.w, left)),
        y: Math.max(0, Math.min(holder.clientHeight - size.h, top)), ...size,
      }));
      const cost = (spot) => taken.reduce((sum, other) => sum + overlap(spot, other), 0);
      const best = placed.reduce((one, other) => (cost(other) < cost(one) ? other : one));
      taken.push(best);
      tag.style.left = `${best.x}px`;
      tag.style.top = `${best.y}px`;
    });
  }

  // The record

  function told(question, light) {
    const holder = make("div", "tell");
    const decision = decided.get(question.id);
    const meta = [words(question.category), words(question.family), words(question.type)];
    if (question.premise !== null) meta.push(question.premise ? "the premise holds" : "the premise is false");
    holder.append(make("div", "meta", meta.join(" · ")), make("div", "ask", question.question));
    holder.append(fixing ? panel(question, decision) : answers(question));
    if (!fixing) holder.append(...verdicts(decision, question));
    holder.append(make("h3", "", "Key objects"));
    const chips = make("div", "entities");
    const picture = data.pictures[question.picture];
    question.entities.forEach((entity, index) => {
      const isDrawn = entity.box && !isWhole(entity.box, picture);
      const where = isDrawn || !entity.box || entity.name === "picture" ? "" : " (the whole picture)";
      const chip = make("span", "", isDrawn ? make("i") : "", `${entity.name}${where}`);
      chip.style.setProperty("--box", COLORS[index % COLORS.length]);
      chip.addEventListener("mouseenter", () => light(index, true));
      chip.addEventListener("mouseleave", () => light(index, false));
      chips.append(chip);
    });
    holder.append(question.entities.length ? chips : make("div", "meta", "none"));
    holder.append(make("h3", "", "Scene graph"));
    const facts = make("ul", "facts");
    for (const [subject, relation, target] of question.relations) {
      facts.append(make("li", "", subject, make("em", "", ` ${words(relation)} `), target));
    }
    holder.append(question.relations.length ? facts : make("div", "meta", "no relation"));
    holder.append(make("h3", "", "Reasoning"));
    const chain = make("dl", "chain");
    for (const [step, text] of Object.entries(question.reasoning)) chain.append(make("dt", "", step), make("dd", "", text || "–"));
    holder.append(chain, make("h3", "", "Record"), make("div", "meta", question.id), make("div", "meta", `picture ${question.image}`));
    if (question.twin !== null) holder.append(make("div", "meta", `twin ${question.twin}; a pair is dropped together`));
    return holder;
  }

  function answers(question) {
    if (!question.options.length) {
      const list = make("ul", "options");
      for (const text of question.answer) list.append(make("li", "gold", make("span", "", text)));
      return make("div", "", make("div", "meta", "Accepted"), list);
    }
    const list = make("ul", "options");
    question.options.forEach((text, index) => {
      const isGold = question.answer.includes(letter(index));
      list.append(make("li", isGold ? "gold" : "", make("span", "", `${letter(index)}.`), make("span", "", text)));
    });
    return list;
  }

  function button(text, key, className, action) {
    const made = make("button", className, text, key ? make("kbd", "", key) : "");
    made.type = "button";
    made.addEventListener("click", action);
    return made;
  }

  function verdicts(decision, question) {
    const is = (name) => `${name}${decision && decision.decision === name ? " on" : ""}`;
    const row = make("div", "verdicts", button("Accept", "a", is("accept"), actions.a), button("Reject", "r", is("reject"), actions.r),
      button("Fix", "f", is("fix"), actions.f));
    if (decision) row.append(button("Undo", "u", "", actions.u));
    const made = [row];
    if (decision && decision.decision === "fix") {
      const text = decision.answer.map((one) => (question.options.length ? `${one}. ${question.options[one.charCodeAt(0) - 65] ?? ""}` : one));
      made.push(make("div", "said", "The right answer: ", make("b", "", text.join(" | "))));
    }
    const field = make("input");
    field.id = "note";
    field.disabled = !decision;
    field.maxLength = 2000;
    field.placeholder = decision ? "Note (optional): what is wrong, or unclear?" : "Decide first, then note why (m)";
    field.value = decision && decision.note ? decision.note : "";
    field.setAttribute("aria-label", "Note");
    field.addEventListener("input", () => {
      const { note: _, ...rest } = decided.get(question.id);
      decide(field.value.trim() ? { ...rest, note: field.value.trim() } : rest);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.stopPropagation(); go(place + 1); }
    });
    made.push(field);
    return made;
  }

  function panel(question, decision) {
    const before = decision && decision.decision === "fix" ? decision : { answer: question.options.length ? [] : question.answer };
    const holder = make("div", "panel");
    holder.id = "fix";
    if (question.options.length) {
      const list = make("ul", "options");
      list.id = "choices";
      question.options.forEach((text, index) => {
        const input = make("input");
        input.type = question.type === "multiple_choice" ? "checkbox" : "radio";
        input.name = "choice";
        input.value = letter(index);
        input.checked = before.answer.includes(input.value);
        list.append(make("li", "", make("label", "", input, make("span", "", `${letter(index)}. ${text}`))));
      });
      list.addEventListener("change", () => hint(question));
      holder.append(make("small", "", "What is right? Press the letters, then Enter."), list);
    } else {
      const typed = make("input");
      typed.id = "typed";
      typed.value = before.answer.join(" | ");
      holder.append(make("small", "", "What is right? The best answer first, other accepted ones after |, then Enter."), typed);
    }
    const logic = make("textarea");
    logic.id = "logic";
    logic.rows = 2;
    logic.value = before.logic || "";
    logic.placeholder = `Logic step that leads to it (optional). Was: ${question.reasoning.logic}`;
    const about = make("input");
    about.id = "fix-note";
    about.placeholder = "Note (optional)";
    about.value = decision && decision.note ? decision.note : "";
    const wrong = make("div", "wrong");
    wrong.id = "wrong";
    wrong.setAttribute("role", "status");
    const row = make("div", "do", button("Fix", "Enter", "", confirmFix), button("Cancel", "Esc", "", () => go(place)));
    holder.append(logic, about, wrong, row);
    return holder;
  }

  function hint(question) {
    const flips = question.premise !== null && chosen(question).some((one) => question.reject.includes(one)) === question.premise;
    at("wrong").textContent = flips ? "This changes whether the premise holds, so the pair will be dropped." : "";
  }

  function draw() {
    const main = at("main");
    const question = shown[place];
    if (question) {
      const [picture, light] = scene(question);
      main.replaceChildren(make("div", "look", picture), told(question, light));
    } else {
      main.replaceChildren(make("p", "note", "No question is like that: change the filters."));
    }
    const counts = { accept: 0, fix: 0, reject: 0 };
    for (const [id, decision] of decided) if (known.has(id)) counts[decision.decision] += 1;
    const total = data.questions.length;
    const done = counts.accept + counts.fix + counts.reject;
    at("progress").replaceChildren(...Object.entries(counts).map(([name, count]) => {
      const part = make("i", name);
      part.style.width = `${(100 * count) / total}%`;
      return part;
    }));
    at("tally").textContent = `${done} of ${total} decided: ${counts.accept} accepted, ${counts.reject} rejected, ${counts.fix} to be fixed`;
    at("where").textContent = shown.length ? `${place + 1} / ${shown.length}` : "0 / 0";
    at("previous").disabled = place === 0;
    at("next").disabled = place >= shown.length - 1;
    strip();
  }

  function strip() {
    at("strip").hidden = shown.length > MOST_SQUARES || shown.length < 2;
    if (at("strip").hidden) return;
    at("strip").replaceChildren(...shown.map((question, index) => {
      const decision = decided.get(question.id);
      const square = button("", "", `${decision ? decision.decision : ""}${index === place ? " here" : ""}`, () => go(index));
      square.title = `${index + 1}: ${words(question.family)}${decision ? `, ${WORDS[decision.decision]}` : ""}`;
      square.tabIndex = -1;
      return square;
    }));
  }

  // Keys

  function inText(target) {
    return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
      || (target instanceof HTMLInputElement && !["checkbox", "radio"].includes(target.type));
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || at("help").open) return;
    if (event.key === "Escape") {
      if (fixing) go(place);
      else if (inText(event.target)) event.target.blur();
      return;
    }
    if (fixing) {
      if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) {
        event.preventDefault();
        confirmFix();
      } else if (!inText(event.target)) {
        const named = /^[a-z]$/i.test(event.key) ? event.key.toUpperCase() : /^[1-9]$/.test(event.key) ? letter(Number(event.key) - 1) : "";
        const input = [...document.querySelectorAll("#choices input")].find((one) => one.value === named);
        if (input) { event.preventDefault(); input.click(); }
      }
      return;
    }
    if (inText(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.repeat && !MOVES.includes(key)) return; // a key held down decides once
    if (Object.hasOwn(actions, key)) {
      event.preventDefault();
      actions[key]();
    }
  });

  at("filters").addEventListener("change", filter);
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("reviewer").addEventListener("input", keep);
  at("reviewer").addEventListener("keydown", (event) => { if (event.key === "Enter") event.target.blur(); });
  at("export").addEventListener("click", exported);
  at("import").addEventListener("click", () => at("file").click());
  at("file").addEventListener("change", () => {
    if (at("file").files.length) imported(at("file").files[0]).finally(() => { at("file").value = ""; });
  });
  at("ask-help").addEventListener("click", actions["?"]);
  at("previous").addEventListener("click", actions.p);
  at("next").addEventListener("click", actions.n);
  window.addEventListener("storage", (event) => { if (event.key === KEY) { recall(); draw(); } });
  window.addEventListener("beforeunload", (event) => { if (!isKept) event.preventDefault(); });
  recall();
  filter();
})();
