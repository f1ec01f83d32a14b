"use strict";
// Human verification: one record at a time, decided by keyboard. Every text is put in as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("review-data").textContent);
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

  const store = new Store(data);
  const decided = store.decided;
  const known = new Set(data.questions.map((question) => question.id));

  let isKept = true;
  function keep() {
    const before = isKept;
    isKept = store.keep();
    if (before && !isKept) say("This browser keeps nothing for this page: export before you close it.");
  }

  function recall() {
    store.recall();
    at("reviewer").value = store.reviewer;
  }

  // Filters and the place in what they show

  const distinct = (name) => [...new Set(data.questions.map((question) => question[name]))].sort();
  const fields = {
    category: select("Category", [["", "all"], ...distinct("category").map((name) => [name, words(name)])]),
    family: select("Family", [["", "all"], ...distinct("family").map((name) => [name, words(name)])]),
    decision: select("Decision", [["", "all"], ["none", "undecided"], ...Object.entries(VERDICTS), ["note", "with a note"]]),
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
    if (!store.reviewer) {
      say("Who reviewed? Write your name first.");
      at("reviewer").focus();
      return;
    }
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([`${JSON.stringify(store.review(), null, 1)}\n`], { type: "application/json" }));
    link.download = store.filename;
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
    const fault = store.fault(found);
    if (fault) {
      say(fault);
      return;
    }
    const { taken, kept, unreadable } = store.take(found);
    at("reviewer").value = store.reviewer;
    say(`${taken} decisions imported, ${kept} were made here already${unreadable ? `, ${unreadable} can't be read` : ""}.`);
    keep();
    filter();
  }

  let fading;
  function say(text) {
    at("toast").textContent = text;
    clearTimeout(fading);
    fading = setTimeout(() => { at("toast").textContent = ""; }, 6000);
  }

  // The record

  function told(question, picture) {
    const holder = make("div", "tell");
    const decision = decided.get(question.id);
    const meta = [words(question.category), words(question.family), words(question.type)];
    if (question.premise !== null) meta.push(question.premise ? "the premise holds" : "the premise is false");
    holder.append(make("div", "meta", meta.join(" · ")), make("div", "ask", question.question));
    holder.append(fixing ? panel(question, decision) : answers(question));
    if (!fixing) holder.append(...verdicts(decision, question));
    holder.append(make("h3", "", "Key objects"));
    const chips = make("div", "entities");
    question.entities.forEach((entity, index) => {
      const isDrawn = picture.isDrawn(entity);
      const where = isDrawn || !entity.box || entity.name === "picture" ? "" : " (the whole picture)";
      const chip = make("span", "", isDrawn ? make("i") : "", `${entity.name}${where}`);
      chip.style.setProperty("--box", colorOf(index));
      chip.addEventListener("mouseenter", () => picture.light(index, true));
      chip.addEventListener("mouseleave", () => picture.light(index, false));
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
      const picture = new Picture(question, data.pictures[question.picture], main.classList.contains("zoom"));
      main.replaceChildren(make("div", "look", picture.element), told(question, picture));
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
      square.title = `${index + 1}: ${words(question.family)}${decision ? `, ${VERDICTS[decision.decision]}` : ""}`;
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
  at("reviewer").addEventListener("input", () => { store.reviewer = at("reviewer").value.trim(); keep(); });
  at("reviewer").addEventListener("keydown", (event) => { if (event.key === "Enter") event.target.blur(); });
  at("export").addEventListener("click", exported);
  at("import").addEventListener("click", () => at("file").click());
  at("file").addEventListener("change", () => {
    if (at("file").files.length) imported(at("file").files[0]).finally(() => { at("file").value = ""; });
  });
  at("ask-help").addEventListener("click", actions["?"]);
  at("previous").addEventListener("click", actions.p);
  at("next").addEventListener("click", actions.n);
  window.addEventListener("storage", (event) => { if (event.key === store.key) { recall(); draw(); } });
  window.addEventListener("beforeunload", (event) => { if (!isKept) event.preventDefault(); });
  recall();
  filter();
})();
