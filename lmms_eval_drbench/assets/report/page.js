"use strict";
// The gallery: filters over the questions embedded in this page. Every text is put in as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("gallery-data").textContent);
  const list = document.getElementById("gallery");
  if (!data || !list) return;
  const PAGE = 12;
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const more = document.getElementById("more");
  const words = (name) => name.replaceAll("_", " ");
  const label = (run) => `${run.name}, ${run.prompt}`;
  let shown = PAGE;

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function select(name, title, choices) {
    const wrapper = make("label", "", title);
    const field = make("select");
    field.name = name;
    for (const [value, text] of choices) {
      const option = make("option", "", text);
      option.value = value;
      field.append(option);
    }
    wrapper.append(field);
    form.append(wrapper);
    return field;
  }

  const distinct = (key) => [...new Set(data.questions.map((question) => question[key]))];
  const fields = {
    layer: select("layer", "Layer", [["", "all"], ...distinct("layer").map((name) => [name, words(name)])]),
    category: select("category", "Category", [["", "all"], ...distinct("category").map((name) => [name, words(name)])]),
    run: select("run", "Run", data.runs.map((run, index) => [String(index), label(run)])),
    result: select("result", "Its result", [
      ["", "any"], ["gained", "gained"], ["lost", "lost"], ["flipped", "gained or lost"], ["right", "right"],
      ["wrong", "wrong"], ["unparsed", "could not be read"], ["truncated", "cut off"],
    ]),
  };
  const last = data.runs.findLastIndex((run) => run.compared);
  fields.run.value = String(Math.max(last, 0));
  if (data.questions.some((question) => question.outputs[last]?.flip)) fields.result.value = "flipped";

  function matches(question) {
    if (fields.layer.value && question.layer !== fields.layer.value) return false;
    if (fields.category.value && question.category !== fields.category.value) return false;
    const output = question.outputs[Number(fields.run.value)];
    const wanted = fields.result.value;
    if (!wanted) return true;
    if (!output) return false;
    if (wanted === "gained" || wanted === "lost") return output.flip === wanted;
    if (wanted === "flipped") return Boolean(output.flip);
    if (wanted === "right") return output.acc > 0.5;
    if (wanted === "wrong") return output.acc <= 0.5;
    return output[wanted];
  }

  const SVG = "http://www.w3.org/2000/svg";
  function scene(question) {
    const holder = make("div", "scene");
    const picture = data.pictures[question.image];
    if (!picture) return [holder, []];
    const image = make("img");
    image.src = picture.uri;
    image.alt = `picture ${question.image}`;
    image.width = picture.width;
    image.height = picture.height;
    image.style.height = "auto";
    const overlay = document.createElementNS(SVG, "svg");
    overlay.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
    const boxes = (question.entities || []).map((entity) => {
      if (!entity.box) return null;
      const box = document.createElementNS(SVG, "rect");
      ["x", "y", "width", "height"].forEach((side, index) => box.setAttribute(side, entity.box[index]));
      const title = document.createElementNS(SVG, "title");
      title.textContent = entity.name;
      box.append(title);
      overlay.append(box);
      return box;
    });
    holder.append(image, overlay);
    return [holder, boxes];
  }

  function gold(question, boxes) {
    const holder = make("div");
    holder.append(make("div", "meta", `${words(question.layer)} · ${words(question.category)} · ${question.id}`));
    holder.append(make("div", "ask", question.question === undefined ? `Gold answer: ${question.target}` : question.question));
    if (question.options && question.options.length) {
      const options = make("ul", "options");
      question.options.forEach((text, index) => {
        const letter = String.fromCharCode(65 + index);
        options.append(make("li", question.answer.includes(letter) ? "gold" : "", `${letter}. ${text}`));
      });
      holder.append(options);
    } else if (question.answer) {
      holder.append(make("div", "meta", `Accepted: ${question.answer.join(" / ")}`));
    }
    if (question.entities) {
      const chips = make("div", "entities");
      question.entities.forEach((entity, index) => {
        const chip = make("span", "", entity.name);
        const light = (on) => boxes[index] && boxes[index].classList.toggle("on", on);
        chip.addEventListener("mouseenter", () => light(true));
        chip.addEventListener("mouseleave", () => light(false));
        chips.append(chip);
      });
      holder.append(chips);
      const details = make("details");
      details.append(make("summary", "", "Gold relations and reasoning"));
      details.append(make("div", "meta", question.relations.map((triple) => triple.map(words).join(" ")).join("; ") || "no relation"));
      for (const [step, text] of Object.entries(question.reasoning)) details.append(make("div", "meta", `[${step}] ${text}`));
      holder.append(details);
    }
    return holder;
  }

  function field(title, items) {
    const holder = make("div", "field");
    holder.append(make("small", "", title));
    const entries = make("ul");
    for (const [text, matched] of items) {
      entries.append(make("li", matched === undefined ? "" : matched ? "match" : "miss", text));
    }
    if (!items.length) entries.append(make("li", "miss", "–"));
    holder.append(entries);
    return holder;
  }

  function output(run, found) {
    const holder = make("div", "output");
    const title = make("h4", "", run.name);
    title.append(make("span", "", ` ${run.prompt}`));
    holder.append(title);
    if (!found) {
      holder.append(make("div", "state miss", "not asked"));
      return holder;
    }
    holder.classList.add(found.acc > 0.5 ? "right" : "wrong");
    const state = make("div", "state");
    const partly = found.acc > 0 && found.acc < 1 ? ` (${Math.round(100 * found.acc)} % of seeds)` : "";
    const said = found.unparsed ? "no answer that could be read" : found.answer;
    state.append(make("b", "", `${found.acc > 0.5 ? "✓" : "✗"} ${said}${partly}`));
    if (found.flip) state.append(make("span", `chip ${found.flip}`, found.flip));
    if (found.truncated) state.append(make("span", "chip unclear", "cut off"));
    if (found.flip || found.truncated) state.querySelectorAll(".chip").forEach((chip) => (chip.style.marginLeft = "6px"));
    holder.append(state);
    if (found.fields) {
      const four = make("div", "fields");
      four.append(field("Entities", found.fields.entities));
      four.append(field("Relations", found.fields.relations.map(([triple, matched]) => [triple.map(words).join(" "), matched])));
      four.append(field("Reasoning", Object.entries(found.fields.reasoning).map(([step, text]) => [`[${step}] ${text}`])));
      four.append(field("Answer", [[found.fields.answer || "–"]]));
      holder.append(four);
      if (found.fields.problems.length) holder.append(field("Malformed", found.fields.problems.map((text) => [text, false])));
    }
    const details = make("details");
    details.append(make("summary", "", `Output as written (${found.reason})`));
    details.append(make("pre", "", found.text || "(empty)"));
    if (!found.fields) details.open = found.text.length < 200;
    holder.append(details);
    return holder;
  }

  function card(question) {
    const holder = make("article", "question");
    const [picture, boxes] = scene(question);
    if (picture.childElementCount) holder.append(picture);
    const told = gold(question, boxes);
    if (!picture.childElementCount) told.style.gridColumn = "1 / -1";
    holder.append(told);
    const outputs = make("div", "outputs");
    const scaffolds = [];
    question.outputs.forEach((found, index) => {
      const shown = output(data.runs[index], found);
      if (found && found.fields) scaffolds.push(shown);
      else outputs.append(shown);
    });
    if (outputs.childElementCount) holder.append(outputs);
    for (const shown of scaffolds) {
      shown.classList.add("whole");
      holder.append(shown);
    }
    return holder;
  }

  function draw() {
    const found = data.questions.filter(matches);
    list.replaceChildren(...found.slice(0, shown).map(card));
    const total = data.questions.length;
    count.textContent = `${found.length} of ${total} questions`;
    more.hidden = found.length <= shown;
    more.textContent = `Show more (${found.length - shown} left)`;
  }

  form.addEventListener("change", () => { shown = PAGE; draw(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { shown += PAGE; draw(); });
  document.querySelectorAll("button.show").forEach((button) => button.addEventListener("click", () => {
    fields.layer.value = fields.category.value = "";
    fields.run.value = button.dataset.run;
    fields.result.value = button.dataset.flip;
    shown = PAGE;
    draw();
    document.getElementById("questions").scrollIntoView();
  }));
  draw();
})();
