"use strict";
// A picture with the boxes of its key objects, each in a colour of its own and with its name.
const COLORS = ["#ffd54a", "#4fc3f7", "#ff8a65", "#aed581", "#ce93d8", "#f48fb1", "#4db6ac", "#e6ee9c"];
const colorOf = (index) => COLORS[index % COLORS.length];

class Picture {
  static SVG = "http://www.w3.org/2000/svg";

  // isLarge: as wide as there is room, else as high as fits beside the question.
  constructor(question, picture, isLarge) {
    this.picture = picture;
    this.element = document.createElement("div");
    this.element.className = "scene";
    const image = document.createElement("img");
    image.src = picture.uri;
    image.alt = `picture ${question.image}`;
    image.width = picture.width;
    image.height = picture.height;
    image.style.aspectRatio = `${picture.width} / ${picture.height}`;
    image.style.height = "auto";
    const fitting = `max(${Math.min(picture.width, 320)}px, calc(74vh * ${picture.width / picture.height}))`;
    image.style.width = isLarge ? "100%" : fitting;
    const overlay = document.createElementNS(Picture.SVG, "svg");
    overlay.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
    this.element.append(image, overlay);
    this.marks = question.entities.map((entity, index) => {
      if (!this.isDrawn(entity)) return null;
      const mark = { box: entity.box, rect: this.rect(entity.box), tag: document.createElement("span") };
      mark.tag.className = "tag";
      mark.tag.textContent = entity.name;
      for (const part of [mark.rect, mark.tag]) part.style.setProperty("--box", colorOf(index));
      overlay.append(mark.rect);
      this.element.append(mark.tag);
      return mark;
    });
    new ResizeObserver(() => this.label()).observe(this.element);
  }

  // A frame around the whole picture says nothing.
  isDrawn(entity) {
    const { width, height } = this.picture;
    return Boolean(entity.box) && !(entity.box[2] >= 0.98 * width && entity.box[3] >= 0.98 * height);
  }

  rect([x, y, width, height]) {
    const rect = document.createElementNS(Picture.SVG, "rect");
    const sides = { x, y, width: Math.max(0, width), height: Math.max(0, height) };
    for (const [name, value] of Object.entries(sides)) rect.setAttribute(name, value);
    return rect;
  }

  // Make one box stand out, while on.
  light(index, on) {
    const mark = this.marks[index];
    this.element.classList.toggle("one", on && mark !== null);
    if (mark) for (const part of [mark.rect, mark.tag]) part.classList.toggle("on", on);
  }

  // Each label stands at a corner of its box: at the first place that is in the picture and where no other label is.
  label() {
    const room = { w: this.element.clientWidth, h: this.element.clientHeight };
    const scale = room.w / this.picture.width;
    const taken = [];
    const shared = (from, other, length, otherLength) => Math.max(0, Math.min(from + length, other + otherLength) - Math.max(from, other));
    const overlap = (one, other) => shared(one.x, other.x, one.w, other.w) * shared(one.y, other.y, one.h, other.h);
    const cost = (spot) => taken.reduce((sum, other) => sum + overlap(spot, other), 0);
    for (const { box, tag } of this.marks.filter(Boolean)) {
      const [x, y, w, h] = box.map((side) => side * scale);
      const size = { w: tag.offsetWidth, h: tag.offsetHeight };
      const spots = [y - size.h, y, y + h, y + h - size.h].flatMap((top) => [[x, top], [x + w - size.w, top]]);
      const placed = spots.map(([left, top]) => ({
        x: Math.max(0, Math.min(room.w - size.w, left)), y: Math.max(0, Math.min(room.h - size.h, top)), ...size,
      }));
      const best = placed.reduce((one, other) => (cost(other) < cost(one) ? other : one));
      taken.push(best);
      tag.style.left = `${best.x}px`;
      tag.style.top = `${best.y}px`;
    }
  }
}
