/// What a text begins with.
public struct Prompt: Equatable, Sendable {
  /// The text as the user gave it or as it was drawn; empty if the model begins by itself.
  public var text: String
  /// One or more.
  public var tokens: [Int32]

  public init(text: String, tokens: [Int32]) {
    self.text = text
    self.tokens = tokens
  }
}
