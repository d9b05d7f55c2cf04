import CheckpointFormat
import FileSupport
import JSONSupport
import TextSupport

/// A page that shows how several training runs differ, in their settings and in what came of them.
///
///     let comparison = try RunComparison(
///       runs: ["checkpoints/a", "checkpoints/b"], texts: ["a.jsonl", "b.jsonl"])
///     try comparison.write(to: "compare.html")
///
/// Like ``RunPage``, it needs no network and no script.
public struct RunComparison {
  let runs: [ComparedRun]
  /// The texts of each run, which all continue the same prompts.
  private let texts: [[TrainerState.Samples.Text]]
  /// A short name for each run.
  let names: [String]

  /// A comparison of the runs in the folders `runs`.
  ///
  /// - Parameters:
  ///   - runs: The folders of the runs, finished or not.
  ///   - texts: For each run a file of texts that it has written, as `gpt-sample --json` reports them;
  ///     empty for a page without texts.
  /// - Throws: ``InputError`` if a folder holds no run or is damaged, or if a text continues another
  ///   prompt than that of the first run; ``FileError``.
  public init(runs: [String], texts: [String]) throws {
    precondition(texts.isEmpty || texts.count == runs.count)
    self.runs = try runs.map { try ComparedRun(path: $0) }
    self.texts = try texts.map { try TrainerState.Samples.Text.read($0) }
    let folders = runs.map { Folder.name(of: $0) }
    names = Set(folders).count == folders.count ? folders : runs
    guard let first = self.texts.first else { return }
    for (path, others) in zip(texts, self.texts) {
      let prompts = (first.map(\.prompt), others.map(\.prompt))
      guard prompts.0 != prompts.1 else { continue }
      let line = zip(prompts.0, prompts.1).prefix { $0 == $1 }.count
      throw InputError(
        path, .line(line + 1),
        "the prompts are not those of \(texts[0]); give gpt-sample the same --prompts for each run")
    }
  }

  /// Writes the page to `path`, completely or not at all.
  ///
  /// - Throws: ``FileError``; ``OutputBusy`` if another process is writing it.
  public func write(to path: String) throws {
    try replaceFile(at: path, with: html)
  }

  // MARK: - What is measured

  /// Whether the losses are about the same tokens; if not, only bits per byte can be compared.
  private var isSameTokenizer: Bool { runs.allSatisfy { $0.tokenizer == runs.first?.tokenizer } }

  private var isSameValidationData: Bool {
    runs.allSatisfy { $0.validationData == runs.first?.validationData }
  }

  /// The smoothed loss of training; in bits per byte if the tokenizers differ.
  private func training(_ run: ComparedRun) -> LogCurve.Points {
    let losses = LogCurve.points("loss", of: run.state)
    let smoothed = LogCurve.smoothed(losses)
    guard let scale = isSameTokenizer ? 1 : run.bitsPerByteOfLoss else { return [] }
    return (smoothed.isEmpty ? losses : smoothed).map { ($0.x, scale * $0.y) }
  }

  private func validation(_ run: ComparedRun) -> LogCurve.Points {
    LogCurve.points(isSameTokenizer ? "eval_loss" : "eval_bits_per_byte", of: run.state)
  }

  // MARK: - The page

  var html: String {
    let title = names.map(HTMLPage.escaped).joined(separator: ", ")
    return HTMLPage(
      title: title, style: Self.style,
      body: """
        <h1>\(title)</h1>
        \(legend)
        \(charts)
        \(notes)\(figures)\(settings)\(continuations)
        """
    ).text
  }

  private var legend: String {
    let items = runs.indices.map { index in
      let (line, state) = (LineStyle(index), runs[index].state)
      let progress =
        runs[index].isFinished
        ? ""
        : " <span class=\"quiet\">step \(NumberText.count(state.globalStep)) of "
          + "\(NumberText.count(state.maximumSteps))</span>"
      return """
        <li><svg viewBox="0 0 44 12" aria-hidden="true"><line x1="1" x2="43" y1="6" y2="6" \
        stroke="\(line.color)" stroke-width="3" stroke-dasharray="\(line.dashes)"/></svg>\
        \(HTMLPage.escaped(names[index]))\(progress)</li>
        """
    }
    return "<ul class=\"runs\">\n\(items.joined(separator: "\n"))\n</ul>"
  }

  private var charts: String {
    let measure = isSameTokenizer ? "loss" : "in bits per byte"
    func chart(_ title: String, _ points: (ComparedRun) -> LogCurve.Points) -> String {
      let lines = runs.indices.map { index in
        LineChart.Line(
          name: "", color: LineStyle(index).color, points: points(runs[index]),
          dashes: LineStyle(index).dashes)
      }
      let chart = LineChart(
        title: title, xLabel: "step", lines: lines, beginsAtZero: false, in: .page)
      return "<section><h2>\(title)</h2>\n\(chart.svg)</section>\n"
    }
    return """
      <div class="charts">
      \(chart("Validation \(measure)", validation))\
      \(chart("Training \(measure), smoothed", training))</div>
      """
  }

  /// What a reader should know before comparing.
  private var notes: String {
    var notes: [String] = []
    if !isSameTokenizer {
      notes.append(
        "The vocabularies differ, so the losses are about different tokens: compare bits per byte. "
          + "For training, they are the loss multiplied by the bits per byte that a validation "
          + "loss of 1 corresponds to.")
    } else if !isSameValidationData {
      notes.append("The runs were validated on different posts, some of which may be easier.")
    }
    return notes.map { "<p>\($0)</p>\n" }.joined()
  }

  private var figures: String {
    func decimal(_ value: Double?, _ digits: Int = 4) -> String? {
      value.map { NumberText.decimal($0, digits: digits) }
    }
    let rows: [(name: String, value: (ComparedRun) -> String?)] = [
      (
        "steps",
        { "\(NumberText.count($0.state.globalStep)) of \(NumberText.count($0.state.maximumSteps))" }
      ),
      ("epochs", { decimal($0.state.epoch, 2) }),
      ("tokens", { NumberText.count($0.state.inputTokensSeen) }),
      ("lowest validation loss", { decimal($0.state.best?.loss) }),
      ("at step", { $0.state.best.map { NumberText.count($0.step) } }),
      ("perplexity there", { decimal($0.atBest("eval_perplexity"), 2) }),
      ("bits per byte there", { decimal($0.atBest("eval_bits_per_byte"), 3) }),
      (
        "last training loss",
        { run in decimal(run.state.lastEntry(with: "loss")?.values["loss"]) }
      ),
      ("time of training", { $0.seconds.map(NumberText.duration) }),
      ("size on disk", { NumberText.bytes(Double($0.bytesOnDisk)) }),
    ]
    return table("Figures", rows.map { row in (row.name, runs.map(row.value)) }, isNumeric: true)
  }

  private var settings: String {
    var names: [String] = []
    for run in runs {
      for setting in run.settings where !names.contains(setting.name) { names.append(setting.name) }
    }
    let rows = names.map { name in (name, runs.map { $0.value(of: name) }) }
      .filter { row in Set(row.1).count > 1 }
    return rows.isEmpty
      ? "<h2>Settings that differ</h2>\n<p>None.</p>\n" : table("Settings that differ", rows)
  }

  private func table(
    _ title: String, _ rows: [(name: String, values: [String?])], isNumeric: Bool = false
  ) -> String {
    let cell = isNumeric ? "td class=\"number\"" : "td"
    let head = (["<tr><th></th>"] + names.map { "<\(cell)>\(HTMLPage.escaped($0))</td>" }).joined()
    let lines = rows.map { name, values in
      "<tr><th>\(HTMLPage.escaped(name))</th>"
        + values.map { "<\(cell)>\(HTMLPage.escaped($0 ?? "–"))</td>" }.joined() + "</tr>\n"
    }
    return HTMLPage.section(title, [head + "</tr>\n"] + lines)
  }

  private var continuations: String {
    guard let first = texts.first, !first.isEmpty else { return "" }
    let columns = zip(names, texts).map { SampleGrid.Column(title: $0, texts: $1) }
    return "<h2>The same prompts</h2>\n\(SampleGrid(columns).html)"
  }
}

/// How the line of a run is drawn: colours that people with any kind of colour vision can tell apart
/// (Okabe and Ito 2008), each with dashes of its own.
private struct LineStyle {
  let color: String
  let dashes: String

  private static let dashes = ["none", "8 4", "2 4", "12 4 2 4", "16 6", "5 2"]

  init(_ index: Int) {
    let round = index / Self.dashes.count
    color = "var(--run-\(index % Self.dashes.count))"
    dashes = Self.dashes[(index + round) % Self.dashes.count]
  }
}

extension RunComparison {
  private static let style = """
    :root { --run-0: #0072b2; --run-1: #c04a00; --run-2: #00785a; --run-3: #a8447f; --run-4: #7d6608;
      --run-5: #1b1f24; }
    @media (prefers-color-scheme: dark) { :root { --run-0: #56b4e9; --run-1: #ff8a3d; --run-2: #2fc79b;
      --run-3: #e39ac4; --run-4: #f0e442; --run-5: #e6e9ec; } }
    td { overflow-wrap: normal; }
    td.number { padding-left: .75rem; }
    h3 { margin: 1.25rem 0 .25rem; font-size: 1rem; }
    .runs { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; padding: 0; margin: .75rem 0; }
    .runs svg { display: inline-block; width: 2.75rem; height: .75rem; margin-right: .5rem; vertical-align: middle; }
    @media print { :root { --run-0: #0072b2; --run-1: #c04a00; --run-2: #00785a; --run-3: #a8447f;
      --run-4: #7d6608; --run-5: #000; } }

    """
}
