/// Recognises the posts of a corpus, regardless of their case, punctuation and spaces.
///
/// A 64-bit hash of each post is kept: with a million posts, one text in 10¹³ is mistaken for a
/// post.
public struct PostFingerprints: Sendable {
  private var fingerprints: Set<Int> = []

  public init() {}

  /// How many different posts there are.
  public var count: Int { fingerprints.count }

  /// Adds a post; a post without letters or digits is ignored.
  public mutating func insert(_ post: String) {
    if let fingerprint = Self.fingerprint(of: post) { fingerprints.insert(fingerprint) }
  }

  /// Whether `text` is a post.
  public func contains(_ text: String) -> Bool {
    Self.fingerprint(of: text).map(fingerprints.contains) ?? false
  }

  /// A hash of the letters and digits, in lower case and with Ё as Е; `nil` if there are none.
  private static func fingerprint(of text: String) -> Int? {
    var hasher = Hasher()
    var isEmpty = true
    for scalar in text.unicodeScalars {
      guard let letter = letter(scalar) else { continue }
      isEmpty = false
      hasher.combine(letter)
    }
    return isEmpty ? nil : hasher.finalize()
  }

  private static func letter(_ scalar: Unicode.Scalar) -> UInt32? {
    switch scalar.value {
    case 0x30...0x39, 0x61...0x7A, 0x430...0x44F: return scalar.value
    case 0x41...0x5A, 0x410...0x42F: return scalar.value + 0x20
    case 0x401, 0x451: return 0x435
    case ..<0x80: return nil
    default:
      let properties = scalar.properties
      guard properties.isAlphabetic || properties.numericType != nil else { return nil }
      return properties.lowercaseMapping.unicodeScalars.first?.value
    }
  }
}
