"use strict";
// What was decided, by record id: kept in this browser under the data's fingerprint, exported and imported as JSON.
const FORMAT = "drbench-review/1";
const VERDICTS = { accept: "accepted", reject: "rejected", fix: "to be fixed" };

class Store {
  constructor(data) {
    this.data = data;
    this.key = `drbench-review-${data.fingerprint}`;
    this.reviewer = "";
    this.decided = new Map();
  }

  static isDecision(found) {
    const isText = (value) => value === undefined || typeof value === "string";
    return found !== null && typeof found === "object" && Object.hasOwn(VERDICTS, found.decision) && isText(found.note)
      && isText(found.logic)
      && (found.decision !== "fix" || (Array.isArray(found.answer) && found.answer.every((text) => typeof text === "string")));
  }

  review() {
    const { name, fingerprint, split } = this.data;
    const decisions = Object.fromEntries(this.decided);
    return { format: FORMAT, data: name, fingerprint, split, reviewer: this.reviewer, decisions };
  }

  // Whether the browser keeps it.
  keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify(this.review()));
      return true;
    } catch {
      return false;
    }
  }

  recall() {
    let found;
    try {
      found = JSON.parse(localStorage.getItem(this.key));
    } catch {
      return;
    }
    if (!found || !found.decisions || typeof found.decisions !== "object") return;
    this.decided.clear();
    this.take(found);
  }

  // Take in what is undecided here; how many were taken, were decided already, or are no decisions.
  take(found) {
    const counts = { taken: 0, kept: 0, unreadable: 0 };
    for (const [id, decision] of Object.entries(found.decisions)) {
      if (!Store.isDecision(decision)) counts.unreadable += 1;
      else if (this.decided.has(id)) counts.kept += 1;
      else {
        this.decided.set(id, decision);
        counts.taken += 1;
      }
    }
    if (typeof found.reviewer === "string") this.reviewer = found.reviewer;
    return counts;
  }

  // Why a file is not taken in, or nothing.
  fault(found) {
    if (!found || found.format !== FORMAT || found.decisions === null || typeof found.decisions !== "object") {
      return "This file is no export of a review.";
    }
    if (found.fingerprint !== this.data.fingerprint) {
      return `This review is of other data (${String(found.fingerprint).slice(0, 40)}).`;
    }
    if (this.reviewer && found.reviewer !== this.reviewer) {
      return `This is the review of ${String(found.reviewer).slice(0, 80)}, not of ${this.reviewer}: reviews stay apart.`;
    }
    return "";
  }

  get filename() {
    const name = this.reviewer.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 40) || "reviewer";
    return `decisions-${this.data.fingerprint}-${name}.json`;
  }
}
