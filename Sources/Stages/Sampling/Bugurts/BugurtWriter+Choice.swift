extension BugurtWriter {
  /// Thrown to end the writing when there are enough.
  private struct Enough: Error {}

  /// A bugurt whose candidates are written.
  private struct Attempt {
    let order: Int
    let number: Int
    let prompt: Prompt
    var texts: [GeneratedText] = []
  }

  /// How far an order is.
  private struct State {
    /// Attempts that were judged.
    var tried = 0
    var kept: [(prompt: Prompt, text: GeneratedText)] = []
    /// How many of those kept were given out.
    var given = 0
  }

  /// Writes the best candidates, and those that the filter leaves.
  func writeChosen(_ orders: [Order], _ receive: (Event) throws -> Void) throws {
    var states = orders.map { _ in State() }
    var current = 0
    while states.indices.contains(where: { states[$0].kept.count < orders[$0].count }) {
      var attempts = try nextAttempts(orders, states)
      let requests = attempts.flatMap { attempt in
        (0..<candidates).map {
          TextRequest(prompt: attempt.prompt.tokens, number: attempt.number * candidates + $0)
        }
      }
      var judged = 0
      do {
        try generator.generate(requests) { event in
          try receive(.work)
          guard case .text(let text, let index) = event else { return }
          attempts[index / candidates].texts.append(text)
          // In their order, so that those that are kept do not depend on how long others took.
          while judged < attempts.count, attempts[judged].texts.count == candidates {
            let order = attempts[judged].order
            if states[order].kept.count < orders[order].count {
              judge(attempts[judged], &states[order])
            }
            judged += 1
          }
          try giveOut(orders, &states, &current, receive)
          if current == orders.count { throw Enough() }
        }
      } catch is Enough {
      } catch {
        leftOver = states.flatMap { $0.kept[$0.given...] }
        throw error
      }
    }
  }

  /// What is to be written next, the attempts of one order after those of another.
  private func nextAttempts(_ orders: [Order], _ states: [State]) throws -> [Attempt] {
    let missing = orders.indices.map { orders[$0].count - states[$0].kept.count }
    let unfinished = missing.count { $0 > 0 }
    return try orders.indices.filter { missing[$0] > 0 }.flatMap { index in
      let (order, tried) = (orders[index], states[index].tried)
      var count = missing[index]
      if filter != nil {
        let left = attempts * order.count - tried
        guard left > 0 else {
          throw FilterError(
            wanted: order.count, kept: states[index].kept.count, tried: tried, dropped: dropped)
        }
        // A batch is filled up: the filter will drop some, and what is too much costs little.
        count = min(left, max(count, generator.batchSize / candidates / unfinished))
      }
      count = min(count, max(1, portionSize / candidates / unfinished))
      let first = order.firstNumber + tried
      return try (first..<first + count).map { number in
        Attempt(
          order: index, number: number,
          prompt: try maker.prompt(order.source, number: number))
      }
    }
  }

  /// Keeps the best of the candidates that the filter leaves.
  private func judge(_ attempt: Attempt, _ state: inout State) {
    state.tried += 1
    let texts = attempt.texts.sorted {
      ($1.meanLogProbability, $0.request.number) < ($0.meanLogProbability, $1.request.number)
    }
    if let best = texts.first(where: { filter?.flaw(of: $0) == nil }) {
      state.kept.append((attempt.prompt, best))
    } else if let flaw = texts.first.flatMap({ filter?.flaw(of: $0) }) {
      dropped[flaw, default: 0] += 1
    }
  }

  /// Gives out what is kept, as far as nothing is missing before it.
  private func giveOut(
    _ orders: [Order], _ states: inout [State], _ current: inout Int,
    _ receive: (Event) throws -> Void
  ) throws {
    while current < orders.count {
      while states[current].given < states[current].kept.count {
        let (prompt, text) = states[current].kept[states[current].given]
        try receive(.beginning(prompt))
        for token in text.tokens { try receive(.token(token)) }
        try receive(.end(text))
        states[current].given += 1
      }
      guard states[current].given == orders[current].count else { return }
      current += 1
    }
  }
}

/// A filter left fewer bugurts than were asked for.
public struct FilterError: Error, CustomStringConvertible {
  public let wanted: Int
  public let kept: Int
  public let tried: Int
  public let dropped: [BugurtFilter.Flaw: Int]

  public var description: String {
    "--filter left \(kept) of \(tried) bugurts (\(BugurtFilter.report(dropped))), fewer than the "
      + "\(wanted) asked for; train longer, raise --max-length, or leave --filter out"
  }
}

extension BugurtFilter {
  /// `3 without @, 1 copied from the corpus`.
  public static func report(_ dropped: [Flaw: Int]) -> String {
    Flaw.allCases.compactMap { flaw in dropped[flaw].map { "\($0) \(flaw.description)" } }
      .joined(separator: ", ")
  }
}
