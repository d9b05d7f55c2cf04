/// An error in an input: where it is, and what was expected.
///
///     throw InputError("posts.jsonl", .line(3), "expected an object, found a string")
///     // posts.jsonl: line 3: expected an object, found a string
public struct InputError: Error, CustomStringConvertible {
  /// A place in an input.
  public enum Place: Equatable, Sendable {
    /// The input as a whole.
    case whole
    /// A line, counted from 1.
    case line(Int)
    /// A byte, counted from 0.
    case byte(Int)
  }

  /// The path of the file or folder, or another name for the input.
  public let path: String
  /// Where in the input.
  public let place: Place
  /// What is wrong, what was expected and, if there is one, the remedy.
  public let problem: String

  /// Describes `problem` of `path` as a whole.
  public init(_ path: String, _ problem: String) {
    self.init(path, .whole, problem)
  }

  /// Describes `problem` at `place` of `path`.
  public init(_ path: String, _ place: Place, _ problem: String) {
    self.path = path
    self.place = place
    self.problem = problem
  }

  public var description: String {
    switch place {
    case .whole: "\(path): \(problem)"
    case .line(let line): "\(path): line \(line): \(problem)"
    case .byte(let offset): "\(path): byte \(offset): \(problem)"
    }
  }
}
