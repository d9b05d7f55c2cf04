import Glibc

/// How a MinHash signature is divided into bands: texts that share a band are compared.
///
/// Texts of similarity s agree in a row with probability s, and in a band of r rows with sʳ; so the
/// probability that none of b bands brings them together is (1 - sʳ)ᵇ.
package struct SignatureBands: Equatable, Sendable {
  /// The number of bands.
  package let count: Int
  /// The number of rows in a band.
  package let rows: Int

  /// The greatest number of rows in a signature.
  private static let largestSignature = 128
  /// The recall at the requested similarity; above that similarity it is higher.
  private static let recall = 0.995

  /// The bands that reach the recall with the most rows, and so bring together the fewest other
  /// texts.
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
