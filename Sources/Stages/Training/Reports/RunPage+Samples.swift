import CheckpointFormat
import TextSupport

extension RunPage {
  /// A number that is known about the texts of a validation.
  private struct Statistic {
    let key, name: String
    /// Its line in the chart, if it is a fraction.
    var line: (name: String, color: String)?
  }

  /// In the order in which they are shown.
  private static let statistics = [
    Statistic(
      key: "eval_texts_well_formed", name: "well-formed bugurts",
      line: ("well-formed", "var(--best)")),
    Statistic(
      key: "eval_texts_copied", name: "copies of posts", line: ("copies", "var(--validation)")),
    Statistic(
      key: "eval_texts_distinct_1", name: "different words",
      line: ("different words", "var(--training)")),
    Statistic(
      key: "eval_texts_distinct_2", name: "different pairs of words",
      line: ("different pairs", "var(--smoothed)")),
    Statistic(key: "eval_texts_words", name: "words in a text"),
    Statistic(key: "eval_texts", name: "texts"),
  ]

  /// What the model wrote at the validations: the first, one in the middle, the best and the last.
  var samples: String {
    let shown = shownSamples
    guard !shown.isEmpty else { return "" }
    let best = trainer.state.best?.step
    let columns = shown.map { samples in
      SampleGrid.Column(
        title: "step \(NumberText.count(samples.step))"
          + (samples.step == best ? ", lowest loss" : ""), texts: samples.texts)
    }
    return """
      <h2>Texts</h2>
      <p class="quiet">Written at validations, each time with the same prompts and random numbers.</p>
      <div class="charts">
      \(sampleChart)\(statisticsTable(of: shown.map(\.step)))</div>
      \(SampleGrid(columns).html)
      """
  }

  private var shownSamples: [TrainerState.Samples] {
    let all = trainer.state.samples
    let best = all.firstIndex { $0.step == trainer.state.best?.step }
    let indices = [0, all.count / 2, best, all.count - 1].compactMap(\.self)
    return Set(indices).sorted().filter(all.indices.contains).map { all[$0] }
  }

  /// A table of what the texts after `steps` are like.
  private func statisticsTable(of steps: [Int]) -> String {
    let entries = steps.compactMap { step in
      trainer.state.log.last { $0.step == step && $0.values["eval_texts"] != nil }
    }
    let heads = entries.map { "<td class=\"number\">step \(NumberText.count($0.step))</td>" }
    let rows = Self.statistics.compactMap { statistic -> String? in
      let cells = entries.map { entry in
        entry.values[statistic.key].map {
          statistic.line == nil ? NumberText.count($0) : NumberText.percent($0)
        } ?? ""
      }
      guard cells.contains(where: { !$0.isEmpty }) else { return nil }
      let columns = cells.map { "<td class=\"number\">\($0)</td>" }
      return "<tr><th>\(statistic.name)</th>\(columns.joined())</tr>\n"
    }
    guard !rows.isEmpty else { return "" }
    return """
      <div class="table"><table>
      <tr><th></th>\(heads.joined())</tr>
      \(rows.joined())</table></div>

      """
  }

  /// What the texts of all validations are like, as a chart; empty with fewer than two.
  private var sampleChart: String {
    let lines = Self.statistics.compactMap { statistic in
      statistic.line.map {
        LineChart.Line(
          name: $0.name, color: $0.color, points: LogCurve.points(statistic.key, of: trainer.state))
      }
    }
    guard lines.contains(where: { $0.points.count > 1 }) else { return "" }
    return LineChart(title: "Texts", xLabel: "step", lines: lines, in: .page).svg
  }

  /// The texts on the card of the finished model.
  var finalSamples: String {
    guard !trainer.samples.isEmpty else { return "" }
    let texts = trainer.samples.map { "<pre lang=\"ru\">\(HTMLPage.escaped($0))</pre>\n" }
    return "<h2>Texts of the finished model</h2>\n\(texts.joined())"
  }
}
