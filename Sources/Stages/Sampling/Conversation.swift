import CommandLineSupport
import FileSupport
import Glibc
import TextGeneration

/// An alternation of prompt lines and bugurts.
public struct Conversation {
  private let writer: BugurtWriter
  private let output: TextOutput
  private let source: (String?) throws -> PromptSource

  /// A conversation in which `source` returns the prompt for a line, or `nil` for the default if
  /// the line is empty.
  public init(
    _ writer: BugurtWriter, to output: TextOutput,
    source: @escaping (String?) throws -> PromptSource
  ) {
    self.writer = writer
    self.output = output
    self.source = source
  }

  /// Writes a bugurt for each line that `nextLine` returns, until it returns `nil`.
  ///
  /// SIGINT stops the bugurt that is being written. A prompt that cannot be used causes a warning.
  ///
  /// - Throws: what `nextLine` throws; ``SamplingError``; `FileError`; `Interruption` by any other
  ///   signal.
  public func run(_ nextLine: () throws -> String?) throws {
    var index = 0
    while let line = try nextLine()?.asOnlyLine {
      do {
        let source = try source(line.isEmpty ? nil : line)
        writer.begin([BugurtWriter.Request(source, count: 1, firstIndex: index)])
        index += 1
        while let event = try writer.next() {
          try output.take(event)
          try Interruption.check()
        }
      } catch let error as PromptError {
        Log.warning("the prompt: \(error)")
      } catch let error as FilterError {
        Log.warning("\(error)")
      } catch {
        guard Interruption.cause(of: error)?.signal == SIGINT else { throw error }
        Interruption.forget()
        try output.breakOff()
      }
    }
  }
}
