/// Takes fingerprints of texts: numbers that texts which are nearly equal are likely to share.
struct FingerprintMaker: Sendable {
  /// How many numbers a text has.
  var count: Int { 0 }

  /// Appends the numbers of `text`.
  func append(of text: UnsafeRawBufferPointer, to numbers: inout [UInt32]) {}
}
