import CKernels

/// Takes fingerprints of texts: numbers that texts which are nearly equal are likely to share.
///
/// The first number is how many shingles the text has; the others stand for a band each of its MinHash
/// signature (Broder 1997; bands as in Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4).
/// The functions of the rows are a·h + b modulo 2³² with odd a, over shingles whose bits are mixed.
struct FingerprintMaker: Sendable {
  let bands: SignatureBands
  private var shingles: ShingleSet
  private let multipliers: [UInt32]
  private let addends: [UInt32]
  private var minima: [UInt32]

  init(similarity: Double, shingleLength: Int) {
    bands = SignatureBands(similarity: similarity)
    shingles = ShingleSet(shingleLength: shingleLength)
    let rowsAtATime = Int(CKERNELS_MINHASH_ROWS)
    let rows = (bands.count * bands.rows + rowsAtATime - 1) / rowsAtATime * rowsAtATime
    multipliers = (0..<rows).map { UInt32(truncatingIfNeeded: mixed(UInt64(2 * $0 + 1))) | 1 }
    addends = (0..<rows).map { UInt32(truncatingIfNeeded: mixed(UInt64(2 * $0 + 2))) }
    minima = Array(repeating: 0, count: rows)
  }

  /// How many numbers a text has.
  var count: Int { bands.count + 1 }

  /// Appends the numbers of `text`.
  mutating func append(of text: ArraySlice<UInt8>, to numbers: inout [UInt32]) {
    text.withUnsafeBytes { shingles.load($0) }
    let groups = minima.count / Int(CKERNELS_MINHASH_ROWS)
    precondition(multipliers.count == minima.count && addends.count == minima.count)
    minima.withUnsafeMutableBufferPointer { minima in
      shingles.hashes.withUnsafeBufferPointer { hashes in
        ckernels_minhash(
          minima.baseAddress, multipliers, addends, groups, hashes.baseAddress, hashes.count)
      }
    }
    numbers.append(UInt32(clamping: shingles.hashes.count))
    for band in 0..<bands.count {
      var number: UInt64 = 0
      for row in band * bands.rows..<(band + 1) * bands.rows {
        number = mixed(number &+ UInt64(minima[row]))
      }
      numbers.append(UInt32(truncatingIfNeeded: number))
    }
  }
}
