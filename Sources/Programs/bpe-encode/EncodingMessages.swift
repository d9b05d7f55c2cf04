import CommandLineSupport
import CorpusEncoding
import CorpusFormat
import TextSupport
import TokenShardFormat

/// Shows the events that the work on a corpus reports.
final class EncodingMessages {
  private let label: String
  private var progress: Progress?
  private var isMerging = false

  /// Messages of the work named `label`.
  init(_ label: String) {
    self.label = label
  }

  func show(_ event: CorpusEvent) throws {
    switch event {
    case .read(let bytes, let total):
      let progress = progress ?? Progress(label, total: total, unit: .bytes)
      self.progress = progress
      try progress.update(bytes)
    case .repaired(let repair): Log.warning(repair.summary)
    case .merged(let tokens, let vocabularySize):
      if !isMerging {
        progress = Progress("merging", total: vocabularySize, unit: .items("tokens"))
        isMerging = true
      }
      try progress?.update(tokens)
    }
  }
}

extension TokenManifest {
  /// `train 31,868 tokens of 521 posts, validation 1,877 tokens of 30 posts`.
  var summary: String {
    let parts = TokenSplit.allCases.compactMap { split in
      splits[split].map { contents in
        "\(split.rawValue) \(NumberText.count(Double(contents.tokens))) tokens"
          + (contents.posts.map {
            " of \(NumberText.count(Double($0))) post\($0 == 1 ? "" : "s")"
          } ?? "")
      }
    }
    return parts.joined(separator: ", ")
  }
}
