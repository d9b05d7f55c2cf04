/// Writes the bugurts that are asked for, in their order: the best of several candidates each, if that
/// is wanted, and only well-formed ones.
///
/// Bugurt n of a prompt has the candidates n · N … n · N + N − 1 of the texts of the seed. So it is the
/// same however many are asked for.
public final class BugurtWriter {
  /// What happens, in the order of the bugurts.
  public enum Event {
    /// A bugurt begins; its tokens follow.
    case beginning(Prompt)
    /// Another token behind the prompt.
    case token(Int32)
    /// The bugurt is finished.
    case end(GeneratedText)
    /// Something was written that is not to be seen as yet.
    case work
  }

  /// What was asked for of one prompt.
  public struct Order: Sendable {
    public var source: PromptSource
    public var count: Int
    /// The number of the first bugurt.
    public var firstNumber: Int

    public init(_ source: PromptSource, count: Int, firstNumber: Int = 0) {
      self.source = source
      self.count = count
      self.firstNumber = firstNumber
    }
  }

  public let generator: TextGenerator
  /// How many bugurts the filter dropped, by what was wrong with them.
  public internal(set) var dropped: [BugurtFilter.Flaw: Int] = [:]
  /// After an error: bugurts that were finished but not given out, because one before them was not
  /// finished; in their order.
  public internal(set) var leftOver: [(prompt: Prompt, text: GeneratedText)] = []
  var maker: PromptMaker
  let candidates: Int
  let filter: BugurtFilter?
  /// Bugurts that are written for each that is wanted before the filter gives up.
  let attempts: Int

  /// A writer of the best of so many `candidates`, by their mean log-probability, that `filter` leaves.
  ///
  /// For each bugurt that the filter is to leave, `attempts` are written at most.
  public init(
    _ generator: TextGenerator, _ maker: PromptMaker, candidates: Int = 1,
    filter: BugurtFilter? = nil, attempts: Int = 50
  ) {
    precondition(candidates > 0 && attempts > 0)
    self.generator = generator
    self.maker = maker
    self.candidates = candidates
    self.filter = filter
    self.attempts = attempts
  }

  /// Whether every text that is written is given out.
  public var takesAll: Bool { candidates == 1 && filter == nil }

  /// Writes what `orders` ask for, one order after the other.
  ///
  /// - Throws: ``ChoiceError``; ``PromptError``; ``FilterError`` if the filter leaves too few;
  ///   `InputError` if the corpus of the first words is damaged; what `receive` throws.
  public func write(_ orders: [Order], _ receive: (Event) throws -> Void) throws {
    if takesAll {
      try writeAll(orders, receive)
    } else {
      try writeChosen(orders, receive)
    }
  }

  private func writeAll(_ orders: [Order], _ receive: (Event) throws -> Void) throws {
    var portion: [TextRequest] = []
    var prompts: [Prompt] = []
    for order in orders {
      for number in order.firstNumber..<order.firstNumber + order.count {
        let prompt = try maker.prompt(order.source, number: number)
        prompts.append(prompt)
        portion.append(TextRequest(prompt: prompt.tokens, number: number))
        guard portion.count == portionSize else { continue }
        try write(portion, prompts, receive)
        (portion, prompts) = ([], [])
      }
    }
    try write(portion, prompts, receive)
  }

  /// How many texts are begun together: their prompts are in memory, and at the end of a portion the
  /// batch runs empty.
  var portionSize: Int { 64 * generator.batchSize }

  private func write(
    _ requests: [TextRequest], _ prompts: [Prompt], _ receive: (Event) throws -> Void
  ) throws {
    var order = EventOrder()
    var index = 0
    var hasBegun = false
    // Events whose turn it is and that were not received.
    var turn: ArraySlice<TextGenerator.Event> = []
    do {
      try generator.generate(requests) { event in
        turn = order.take(event)[...]
        try receive(.work)
        while let event = turn.first {
          if !hasBegun { try receive(.beginning(prompts[index])) }
          hasBegun = true
          switch event {
          case .token(let token, _): try receive(.token(token))
          case .text(let text, _):
            try receive(.end(text))
            (index, hasBegun) = (index + 1, false)
          }
          turn.removeFirst()
        }
      }
    } catch {
      leftOver = (turn.compactMap(\.finishedText) + order.finished)
        .map { (prompts[$0.index], $0.text) }
      throw error
    }
  }
}
