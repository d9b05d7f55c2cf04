import CKernels

/// Computes fingerprints of texts: values that nearly equal texts are likely to have in common.
///
/// The first value is the number of shingles in the text; each of the others stands for a band of
/// its MinHash signature (Broder 1997; bands as in Leskovec, Rajaraman, Ullman, Mining of Massive
/// Datasets, 3.4). The hash functions of the rows are a·h + b modulo 2³² with odd a, over shingles
/// whose bits are mixed.
struct FingerprintMaker: Sendable {
  private let bands: SignatureBands
  private var shingles: ShingleSet
  private let multipliers: [UInt32]
  private let addends: [UInt32]
  private var minima: [UInt32]

  /// For the `similarity` of the settings and shingles of their length.
  init(_ settings: RuleSettings) {
    bands = SignatureBands(similarity: settings.fraction("similarity"))
    shingles = ShingleSet(shingleLength: settings.count("shingle"))
    let rowsAtATime = Int(CKERNELS_MINHASH_ROWS)
    let rows = (bands.count * bands.rows + rowsAtATime - 1) / rowsAtATime * rowsAtATime
    multipliers = (0..<rows).map { UInt32(truncatingIfNeeded: mixed(UInt64(2 * $0 + 1))) | 1 }
    addends = (0..<rows).map { UInt32(truncatingIfNeeded: mixed(UInt64(2 * $0 + 2))) }
    minima = Array(repeating: 0, count: rows)
  }

  /// The number of values in a fingerprint.
  var count: Int { bands.count + 1 }

  /// Appends the fingerprint of `text` to `values`.
  mutating func append(of text: ArraySlice<UInt8>, to values: inout [UInt32]) {
    shingles.load(text.span)
    let hashes = shingles.hashes
    precondition(multipliers.count == minima.count && addends.count == minima.count)
    ckernels_minhash(
      &minima, multipliers, addends, minima.count / Int(CKERNELS_MINHASH_ROWS), hashes,
      hashes.count)
    values.append(UInt32(clamping: hashes.count))
    for band in 0..<bands.count {
      let rows = minima[band * bands.rows..<(band + 1) * bands.rows]
      values.append(
        UInt32(truncatingIfNeeded: rows.reduce(0) { mixed($0 &+ UInt64($1)) }))
    }
  }
}
