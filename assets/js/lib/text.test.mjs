import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { hue } from "./person.js";
import { bigEmoji, href, initial, length, mentions, spans } from "./text.js";

const shared = (name) => JSON.parse(readFileSync(new URL(`../../../templates/testdata/${name}.json`, import.meta.url), "utf8"));

for (const { text, spans: want, hrefs, big = false, name = "", mention = false } of shared("texts")) {
  test(`text ${JSON.stringify(text)} is what the server makes of it`, () => {
    assert.deepEqual(spans(text), want);
    assert.equal(bigEmoji(text), big);
    assert.equal(mentions(text, name), mention);
    if (hrefs) assert.deepEqual(want.filter((s) => s.kind === "link").map((s) => href(s.text)), hrefs);
  });
}

for (const person of shared("people")) {
  test(`person ${person.id} looks as the server shows them`, () => {
    assert.equal(hue(person.id), person.hue);
    assert.equal(initial(person.name), person.initial);
  });
}

test("length counts as a person does", () => {
  assert.equal(length("e\u0301👩‍👩‍👧‍👦\n"), 3);
});
