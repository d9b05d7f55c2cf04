import CommandLineSupport
import CorpusFormat
import FileSupport
import TextCleaning

/// Shows the lines that are probably boilerplate.
func showSuggestion(posts: String, rules: RuleSet, share: Double) throws {
  let size = Folder.hasFile(posts) ? try InputFile(path: posts).size : nil
  let progress = Progress("looking for boilerplate", total: size, unit: .bytes)
  let suggestion = try BoilerplateSuggestion(path: posts, rules: rules, share: share) {
    try progress.update($0)
  }
  guard let text = suggestion.text else {
    Log.raw(
      "no line heads or ends \(percent(share)) of \(suggestion.postCount) posts or more")
    return
  }
  for (place, lines) in [("heads", suggestion.heads), ("ends", suggestion.tails)] {
    for line in lines {
      let part = percent(Double(line.count) / Double(suggestion.postCount))
      Log.raw("\(place) \(line.count) of \(suggestion.postCount) posts (\(part)): \(line.text)")
    }
  }
  print(text, terminator: "")
}

private func percent(_ share: Double) -> String {
  "\((share * 1000).rounded() / 10) %"
}
