import Glibc

/// How a signature of MinHash is cut into bands: texts that share a band are compared.
///
/// Texts of the similarity s agree in a row with the probability s, and in a band with s to the power
/// of its rows; so the odds that none of `count` bands brings them together are (1 - sʳ)ᵇ.
package struct SignatureBands: Equatable, Sendable {
  /// How many bands there are.
  package let count: Int
  /// How many rows a band has.
  package let rows: Int

  /// Most rows of a signature.
  static let largestSignature = 128
  /// The recall at the similarity that is asked for, the lowest there is: above it is higher.
  static let recall = 0.995

  /// The bands with the most rows, which bring the fewest other texts together, that have the recall.
  package init(similarity: Double) {
    var chosen = (count: Self.largestSignature, rows: 1)
    for rows in 1...16 {
      let missed = 1 - pow(similarity, Double(rows))
      let count = missed <= 0 ? 1 : Int((log(1 - Self.recall) / log(missed)).rounded(.up))
      if count * rows <= Self.largestSignature { chosen = (max(1, count), rows) }
    }
    (count, rows) = chosen
  }

  /// The probability that texts of `similarity` share a band.
  package func recall(at similarity: Double) -> Double {
    1 - pow(1 - pow(similarity, Double(rows)), Double(count))
  }
}
