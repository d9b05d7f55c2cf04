/// Changes to the logits of individual tokens that follow from the text so far.
///
/// `logits` are those of the whole vocabulary: the index of a logit is its token.
enum TokenRules {
  /// Makes tokens that already occur in `text` less likely: a positive logit is divided by
  /// `penalty`, a negative one multiplied by it (Keskar and others 2019, CTRL).
  ///
  /// New logits are computed from the `original` ones, so that a token that occurs twice in the text
  /// is penalised once.
  static func penalizeRepetition(
    _ logits: inout [Float], from original: Span<Float>, text: [Int32],
    penalty: Float
  ) {
    for token in text {
      let logit = original[Int(token)]
      logits[Int(token)] = logit < 0 ? logit * penalty : logit / penalty
    }
  }

  /// Rules out each token that would make a run of `length` tokens occur twice in the text.
  static func ruleOutRepeatedNGrams(_ logits: inout [Float], text: [Int32], length: Int) {
    guard text.count >= length else { return }
    let suffix = text.count - (length - 1)
    for start in 0...(text.count - length)
    where (0..<length - 1).allSatisfy({ text[start + $0] == text[suffix + $0] }) {
      logits[Int(text[start + length - 1])] = -.infinity
    }
  }

  /// Rules out each token that would complete one of `sequences`, none of which is empty.
  static func ruleOutCompletions(_ logits: inout [Float], of sequences: [[Int32]], text: [Int32]) {
    for sequence in sequences {
      let before = sequence.count - 1
      let start = text.count - before
      if start >= 0, (0..<before).allSatisfy({ text[start + $0] == sequence[$0] }) {
        logits[Int(sequence[before])] = -.infinity
      }
    }
  }

  /// Rules out `tokens`.
  static func ruleOut(_ logits: inout [Float], _ tokens: some Sequence<Int32>) {
    for token in tokens { logits[Int(token)] = -.infinity }
  }
}
