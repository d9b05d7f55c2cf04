"""Show the page of a run in Chromium: narrow and wide, light and dark, on paper.

usage: report_interop.py --gpt-finetune PROGRAM --tokens FOLDER WORK

A short run is stopped and continued, and its page looked at in both states. The screenshots stay in WORK.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from common import check, finish, run_to

WIDTHS = 400, 800, 1400
STEPS = 40
# A name that has to be broken somewhere.
RUN = "очень-длинное-имя-одного-канала-которое-никуда-не-помещается-и-всё-же-должно-быть-видно"
# The page is measured inside of a frame, because no window is as narrow as a telephone.
FRAME = """<!doctype html><meta charset="utf-8"><title></title><body style="margin:0">
<iframe src="report.html" style="border:0;display:block;width:%dpx;height:%dpx"></iframe>
<script>
const frame = document.querySelector("iframe");
const problems = [];
function measure() {
  const page = frame.contentDocument, root = page.documentElement, width = root.clientWidth;
  const name = e => e.tagName + " '" + e.textContent.trim().slice(0, 40) + "'";
  if (root.scrollWidth > width) problems.push("the page is " + root.scrollWidth + " wide");
  for (const e of page.body.querySelectorAll("*")) {
    const box = e.getBoundingClientRect();
    const scrolled = e.closest(".table") && e.closest(".table") !== e;
    if (!scrolled && (box.left < -0.5 || box.right > width + 0.5)) problems.push(name(e) + " is outside");
    if (!e.closest("svg") && e.clientWidth && e.scrollWidth > e.clientWidth + 1 && !e.matches(".table"))
      problems.push(name(e) + " overflows");
  }
  for (const svg of page.querySelectorAll("svg")) {
    const all = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll("text")];
    const boxes = texts.map(t => t.getBoundingClientRect());
    boxes.forEach((a, i) => {
      if (a.left < all.left - 1 || a.right > all.right + 1 || a.top < all.top - 1 || a.bottom > all.bottom + 1)
        problems.push(name(texts[i]) + " is outside of its chart");
      boxes.slice(i + 1).forEach((b, j) => {
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3)
          problems.push(name(texts[i]) + " covers " + name(texts[i + 1 + j]));
      });
    });
  }
  const cards = [...page.querySelectorAll(".cards pre")].map(e => e.innerText);
  document.title = JSON.stringify({
    problems, cards, width, height: root.scrollHeight, text: page.body.innerText,
    ground: getComputedStyle(page.body).backgroundColor, ink: getComputedStyle(page.body).color,
    loaded: frame.contentWindow.performance.getEntriesByType("resource").length,
  });
}
addEventListener("load", measure);
</script>
"""


def chromium(*arguments):
    """What the browser prints."""
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--allow-file-access-from-files", f"--user-data-dir={profile}", *map(str, arguments)],
            check=True, capture_output=True, text=True, timeout=120).stdout


def show(page, work, label, width, scheme):
    """Measures the page at this width, and takes a picture of it."""
    shutil.copy(page, work / "report.html")
    frame = work / "frame.html"
    colors = f"--blink-settings=preferredColorScheme={['dark', 'light'].index(scheme)}"

    def measured(height):
        frame.write_text(FRAME % (width, height))
        size = f"--window-size={max(width, 500)},{height}"
        title = re.search(r"<title>(.*?)</title>", chromium(colors, size, "--dump-dom", frame.as_uri()), re.S)
        text = title.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        return json.loads(text), size

    facts, _ = measured(1000)
    height = facts["height"]
    facts, size = measured(height)
    chromium(colors, size, f"--screenshot={work / f'{label}-{width}-{scheme}.png'}", frame.as_uri())
    what = f"{label}, {width} pixels, {scheme}"
    check(facts["width"] == width and not facts["problems"], f"{what}: everything is in its place",
          "; ".join(facts["problems"]))
    check(facts["loaded"] == 0, f"{what}: nothing is loaded")
    brightness = [sum(map(int, re.findall(r"\d+", facts[key])[:3])) / 3 for key in ("ground", "ink")]
    check((brightness[0] < brightness[1]) == (scheme == "dark")
          and abs(brightness[0] - brightness[1]) > 150, f"{what}: colors", str(brightness))
    check(len(facts["cards"]) >= 8 and all(re.search("[А-ЯЁ]{2}", card) for card in facts["cards"]),
          f"{what}: {len(facts['cards'])} Russian texts", str(facts["cards"]))
    check("\ufffd" not in facts["text"], f"{what}: whole characters")
    return facts


def check_paper(page, work, facts):
    """Prints the page, and looks for the words at its edges."""
    paper = work / "report.pdf"
    chromium("--no-pdf-header-footer", f"--print-to-pdf={paper}", page.resolve().as_uri())
    boxes = subprocess.run(["pdftotext", "-bbox", paper, "-"], check=True, capture_output=True, text=True).stdout
    pages = re.findall(r'<page width="([\d.]+)" height="([\d.]+)">(.*?)</page>', boxes, re.S)
    words = []
    outside = []
    for width, height, content in pages:
        for left, top, right, bottom, word in re.findall(
                r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>', content):
            words.append(word)
            if float(left) < 0 or float(right) > float(width) or float(bottom) > float(height):
                outside.append(word)
    check(pages and not outside, f"on paper: {len(pages)} pages, no word outside", str(outside))
    wanted = {word for card in facts["cards"] for word in re.findall(r"[А-ЯЁ]{5,}", card)}
    missing = {word for word in wanted if word not in "".join(words)}
    check(wanted and not missing, f"on paper: all {len(wanted)} Russian words of the texts", str(missing))


def train(program, tokens, run, *, stopped_after=None):
    """Trains; the process is killed after a line of the log for the step `stopped_after`."""
    run_to(stopped_after and f": step {stopped_after}, ", [
        program, tokens, "-o", run, "--layers", "2", "--width", "64", "--heads", "2", "--context", "64",
        "--block-size", "64", "--learning-rate", "1e-2", "--max-steps", str(STEPS), "--logging-steps", "1",
        "--eval-steps", "8", "--save-steps", "8", "--eval-samples", "6", "--resume"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpt-finetune", required=True)
    parser.add_argument("--tokens", required=True)
    parser.add_argument("work", type=pathlib.Path)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.work, ignore_errors=True)
    work = arguments.work.resolve()
    os.makedirs(work)
    page = work / RUN / "report.html"
    train(arguments.gpt_finetune, arguments.tokens, work / RUN, stopped_after=30)
    facts = show(page, work, "killed", 400, "light")
    check("A live run rewrites this page about every" in facts["text"],
          "the page of a killed run tells its reader how to notice")
    train(arguments.gpt_finetune, arguments.tokens, work / RUN)
    for scheme in "light", "dark":
        for width in WIDTHS:
            facts = show(page, work, "finished", width, scheme)
    check("finished" in facts["text"] and "A live run" not in facts["text"], "the page of a finished run")
    check_paper(page, work, facts)
    finish()


if __name__ == "__main__":
    main()
