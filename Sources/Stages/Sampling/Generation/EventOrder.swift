/// Puts the events of texts that are written together into the order of the texts.
///
/// Those of the first unfinished text pass at once; those of the texts behind it wait until it is
/// their turn.
package struct EventOrder {
  private var current = 0
  private var held: [Int: [TextGenerator.Event]] = [:]

  package init() {}

  /// The texts that are finished and wait for their turn, in their order.
  var finished: [(index: Int, text: GeneratedText)] {
    held.values.compactMap { $0.last?.finishedText }.sorted { $0.index < $1.index }
  }

  /// Takes in `event` and returns those whose turn it is.
  package mutating func take(_ event: TextGenerator.Event) -> [TextGenerator.Event] {
    guard event.index == current else {
      held[event.index, default: []].append(event)
      return []
    }
    var turn = [event]
    while turn.last?.finishedText != nil {
      current += 1
      guard let next = held.removeValue(forKey: current) else { break }
      turn += next
    }
    return turn
  }
}

extension TextGenerator.Event {
  /// The text that it is about.
  fileprivate var index: Int {
    switch self {
    case .token(_, let index), .text(_, let index): index
    }
  }

  /// The text that is finished with it.
  var finishedText: (index: Int, text: GeneratedText)? {
    if case .text(let text, let index) = self { (index, text) } else { nil }
  }
}
