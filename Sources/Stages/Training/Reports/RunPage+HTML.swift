import CheckpointFormat
import CorpusFormat
import FileSupport
import GPT2
import Glibc
import JSONSupport
import TextSupport
import TokenShardFormat

extension RunPage {
  /// How often a browser loads the page again while the training goes on, in seconds.
  private static let secondsBetweenLoads = 15

  /// The page.
  var html: String {
    let name = HTMLPage.escaped(Folder.name(of: trainer.folder.path))
    let refresh =
      status == .running
      ? "<meta http-equiv=\"refresh\" content=\"\(Self.secondsBetweenLoads)\">\n" : ""
    return HTMLPage(
      title: "\(name): step \(NumberText.count(trainer.state.globalStep))", head: refresh,
      body: """
        <h1>\(name)</h1>
        \(progress)
        \(figures)
        \(charts)
        \(samples)\(finalSamples)\(lengths)\(funnel)\(settings)
        """
    ).text
  }

  // MARK: - Progress

  private var progress: String {
    let (step, total) = (trainer.state.globalStep, trainer.totalSteps)
    let state =
      switch status {
      case .running: remaining.map { "\(NumberText.duration($0)) left" } ?? "running"
      case .stopped: "stopped; the same command with --resume continues it"
      case .finished: step < total ? "finished, stopped early" : "finished"
      }
    return """
      <p>Step \(NumberText.count(step)) of \(NumberText.count(total)), epoch \
      \(NumberText.decimal(trainer.state.epoch, digits: 2)); \(state). \
      <span class="quiet">As of \(Self.now).\(liveness)</span></p>
      <div class="bar"><div style="width:\(Double(1000 * step / max(1, total)) / 10)%"></div></div>
      """
  }

  /// `1 December 2026, 07:30:00`, in the local time zone.
  private static var now: String {
    var (seconds, local) = (time(nil), tm())
    localtime_r(&seconds, &local)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      let length = strftime(text.baseAddress, text.count, "%-d %B %Y, %H:%M:%S", &local)
      return String(decoding: text[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }

  /// How the reader can tell that the training has died, which the page of a dead one cannot say.
  private var liveness: String {
    secondsBetweenWrites.map {
      " A live run rewrites this page about every \(NumberText.duration($0)): if it is much older, the "
        + "run was stopped, and the same command with --resume continues it."
    } ?? ""
  }

  private var figures: String {
    let state = trainer.state
    func last(_ key: String, digits: Int) -> String? {
      state.lastEntry(with: key)?.values[key].map { NumberText.decimal($0, digits: digits) }
    }
    let best = state.best
    let figures: [(String, String?)] = [
      ("training loss", last("loss", digits: 4)),
      ("validation loss", last("eval_loss", digits: 4)),
      (
        "lowest, at step \(NumberText.count(best?.step ?? 0))",
        best.map { NumberText.decimal($0.loss, digits: 4) }
      ),
      ("perplexity", last("eval_perplexity", digits: 2)),
      ("bits per byte", last("eval_bits_per_byte", digits: 3)),
      ("tokens per second", tokensPerSecond.map { NumberText.count($0.rounded()) }),
      ("this session so far", NumberText.duration(elapsed)),
      ("time budget", trainer.settings.timeBudget?.text),
    ]
    let items = figures.compactMap { name, value in
      value.map { "<div><dt>\(name)</dt><dd>\($0)</dd></div>" }
    }
    return "<dl class=\"figures\">\n\(items.joined(separator: "\n"))\n</dl>"
  }

  // MARK: - Charts

  private var charts: String {
    let state = trainer.state
    let losses = LogCurve.points("loss", of: state)
    let best = trainer.state.best.map { [(x: Double($0.step), y: $0.loss)] } ?? []
    let loss = LineChart(
      title: "Loss", xLabel: "step",
      lines: [
        .init(name: "training", color: "var(--training)", points: losses),
        .init(name: "smoothed", color: "var(--smoothed)", points: LogCurve.smoothed(losses)),
        .init(
          name: "validation", color: "var(--validation)",
          points: LogCurve.points("eval_loss", of: state)),
        .init(name: "best", color: "var(--best)", points: best),
      ], beginsAtZero: false, in: .page)
    let rate = LineChart(
      title: "Learning rate", xLabel: "step",
      lines: [
        .init(
          name: "learning rate", color: "var(--training)",
          points: LogCurve.points("learning_rate", of: state))
      ], in: .page)
    return """
      <div class="charts">
      <section><h2>Loss</h2>
      \(loss.svg)</section>
      <section><h2>Learning rate</h2>
      \(rate.svg)</section>
      </div>
      """
  }

  // MARK: - Tables

  /// The lengths of the posts, which the manifest of the shards knows.
  private var lengths: String {
    let statistics = trainer.data.manifest.statistics
    let classes = (statistics["post_tokens"]?.elements ?? []).compactMap { length in
      length["posts"]?.integer.map { (bound: length["up_to"]?.integer, posts: $0) }
    }
    guard let lastUsed = classes.lastIndex(where: { $0.posts > 0 }) else { return "" }
    let largest = Double(classes.map(\.posts).max() ?? 1)
    let rows = classes[...lastUsed].map { bound, posts in
      """
      <tr><th>\(bound.map { "up to \(NumberText.count($0))" } ?? "longer")</th>\
      <td class="number">\(NumberText.count(posts))</td><td class="share">\
      <div style="width:\(NumberText.decimal(100 * Double(posts) / largest, digits: 1))%"></div></td></tr>

      """
    }
    return HTMLPage.section("Lengths of the posts, in tokens", rows)
  }

  /// What the cleaning left out, if its funnel is where the corpus was.
  private var funnel: String {
    guard let funnel = TrainingReport(trainer).funnel else { return "" }
    func row(_ name: String, _ count: Int, _ note: String) -> String {
      """
      <tr><th>\(HTMLPage.escaped(name))</th><td class="number">\(NumberText.count(count))</td>\
      <td>\(note)</td></tr>

      """
    }
    let rules = funnel.steps.map { step in
      row(
        step.rule, -step.dropped,
        step.changed > 0 ? "\(NumberText.count(step.changed)) changed" : "")
    }
    let sources = ([Funnel.sourceTitles] + funnel.sourceRows).map { cells in
      "<tr><th>\(HTMLPage.escaped(cells[0]))</th>"
        + cells.dropFirst().map { "<td class=\"number\">\($0)</td>" }.joined() + "</tr>\n"
    }
    return HTMLPage.section(
      "Cleaning",
      [row("posts in", funnel.postsIn, "")] + rules + [row("posts out", funnel.postsOut, "")])
      + (funnel.sources.isEmpty ? "" : HTMLPage.section("Joined from", sources))
  }

  private var settings: String {
    let settings = trainer.settings.json(steps: trainer.totalSteps).members ?? []
    let values = settings.filter { $0.value != .null }.map {
      ($0.key, $0.value.string ?? $0.value.text())
    }
    let model = [
      ("model", trainer.model.configuration.summary),
      ("parameters", NumberText.count(trainer.model.parameterCount)),
      ("tokens to train on", NumberText.count(trainer.data.training.count)),
    ]
    let rows = (model + values + surroundings.map { ($0.name, $0.value) }).map { name, value in
      "<tr><th>\(HTMLPage.escaped(name))</th><td>\(HTMLPage.escaped(value))</td></tr>\n"
    }
    return HTMLPage.section("Settings", rows)
      + "<h2>Command</h2>\n<pre>\(HTMLPage.escaped(TrainingReport.command))</pre>\n"
  }
}
