import CCrypto
import FileSupport
import TextSupport

/// What the hub calls the content of a file: the name of its blob in the cache.
struct ContentHash: Hashable, Sendable {
  /// How the name follows from the content.
  enum Kind: Sendable {
    /// SHA-256, for large files.
    case sha256
    /// git's name of a blob: SHA-1 of `blob`, a blank, the size, a zero byte and the content.
    case gitBlob
  }

  let kind: Kind
  /// The hash in lowercase hexadecimal digits.
  let text: String

  /// The hash `text`, of a kind that its length tells; `nil` if it is not one.
  init?(_ text: String) {
    switch text.utf8.count {
    case 64: kind = .sha256
    case 40: kind = .gitBlob
    default: return nil
    }
    guard text.utf8.allSatisfy(\.isLowercaseHexadecimal) else { return nil }
    self.text = text
  }

  /// Computes a hash from the bytes of a file as they come.
  final class Computation {
    private let crypto: ccrypto_functions
    private let context: OpaquePointer
    private let kind: Kind
    private let size: Int

    /// libcrypto, loaded for the first computation.
    private static let library = Result { () throws(SharedLibrary.LoadError) in
      try SharedLibrary.load(
        "libcrypto.so.3", package: "libssl-dev", ccrypto_functions(), find: ccrypto_find)
    }

    /// A computation for a file of `size` bytes.
    ///
    /// - Throws: `SharedLibrary.LoadError`; `MemoryError`.
    init(_ kind: Kind, size: Int) throws {
      crypto = try Self.library.get()
      guard let context = crypto.EVP_MD_CTX_new() else {
        throw MemoryError(byteCount: 1000, for: "a checksum")
      }
      self.context = context
      self.kind = kind
      self.size = size
      reset()
    }

    deinit { crypto.EVP_MD_CTX_free(context) }

    /// Forgets the bytes so far.
    func reset() {
      _ = crypto.EVP_DigestInit_ex(
        context, kind == .sha256 ? crypto.EVP_sha256() : crypto.EVP_sha1(), nil)
      if kind == .gitBlob { update(Array("blob \(size)\0".utf8)) }
    }

    func update(_ bytes: [UInt8]) {
      _ = bytes.withUnsafeBytes { crypto.EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    }

    /// The hash of the bytes so far, in lowercase hexadecimal digits; ends the computation.
    func finish() -> String {
      var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
      var count: UInt32 = 0
      _ = crypto.EVP_DigestFinal_ex(context, &digest, &count)
      return digest[..<Int(count)].map { NumberText.hexadecimal($0) }.joined()
    }
  }
}
