/// A regular expression for the whole name of a module, in the syntax of Python's `re`.
///
/// The time for a match is at most proportional to the lengths of expression and name. Adapters
/// come from strangers, and a matcher that backtracks, such as Swift's `Regex`, would never finish
/// with some expressions. So there are no lookarounds and no references to groups.
public struct ModulePattern: Sendable {
  /// The text of the expression.
  public let source: String
  private let program: [Instruction]

  /// What is wrong with an expression.
  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  /// A step of the automaton; numbers are indices of other steps.
  private enum Instruction: Sendable {
    case take(ScalarSet)
    case either(Int, Int)
    case jump(Int)
    case requireStart
    case requireEnd
    case accept
  }

  /// More steps than any name of a module could need.
  private static let maximumSize = 10_000

  /// Compiles `source`.
  ///
  /// - Throws: ``Problem``.
  init(_ source: String) throws(Problem) {
    self.source = source
    program = try Self.compile(source)
  }

  /// The pattern of a key of `rank_pattern` or `alpha_pattern`: a whole name, or all of it after a
  /// full stop.
  init(key: String) throws(Problem) {
    source = key
    _ = try Self.compile(key)
    program = try Self.compile(#"(.*\.)?("# + key + ")")
  }

  /// Whether the expression matches all of `name`.
  public func matches(_ name: String) -> Bool {
    let scalars = Array(name.unicodeScalars)
    var states: [Int] = []
    var isMarked = [Bool](repeating: false, count: program.count)
    func add(_ state: Int, at position: Int) {
      var open = [state]
      while let index = open.popLast() {
        if isMarked[index] { continue }
        isMarked[index] = true
        switch program[index] {
        case .either(let first, let second): open += [second, first]
        case .jump(let target): open.append(target)
        case .requireStart: if position == 0 { open.append(index + 1) }
        case .requireEnd: if position == scalars.count { open.append(index + 1) }
        case .take, .accept: states.append(index)
        }
      }
    }
    add(0, at: 0)
    for (position, scalar) in scalars.enumerated() {
      let current = states
      states = []
      isMarked = [Bool](repeating: false, count: program.count)
      for index in current {
        if case .take(let set) = program[index], set.contains(scalar) {
          add(index + 1, at: position + 1)
        }
      }
      if states.isEmpty { return false }
    }
    return states.contains { if case .accept = program[$0] { true } else { false } }
  }

  // MARK: - Compiling

  private static func compile(_ source: String) throws(Problem) -> [Instruction] {
    var program: [Instruction] = []
    func emit(_ instruction: Instruction) throws(Problem) {
      guard program.count < maximumSize else {
        throw Problem(description: "the expression is too large")
      }
      program.append(instruction)
    }
    // Repetitions of nothing take no memory, but time.
    var work = 0
    func generate(_ node: PatternNode) throws(Problem) {
      work += 1
      guard work <= 10 * maximumSize else {
        throw Problem(description: "the expression is too large")
      }
      switch node {
      case .set(let set): try emit(.take(set))
      case .start: try emit(.requireStart)
      case .end: try emit(.requireEnd)
      case .sequence(let nodes): for node in nodes { try generate(node) }
      case .choice(let nodes):
        var exits: [Int] = []
        for (index, node) in nodes.enumerated() {
          let fork = program.count
          let isLast = index == nodes.count - 1
          if !isLast { try emit(.either(fork + 1, 0)) }
          try generate(node)
          if isLast { break }
          exits.append(program.count)
          try emit(.jump(0))
          program[fork] = .either(fork + 1, program.count)
        }
        for exit in exits { program[exit] = .jump(program.count) }
      case .repetition(let node, let minimum, let maximum):
        for _ in 0..<minimum { try generate(node) }
        guard let maximum else {
          let fork = program.count
          try emit(.either(fork + 1, 0))
          try generate(node)
          try emit(.jump(fork))
          program[fork] = .either(fork + 1, program.count)
          break
        }
        var forks: [Int] = []
        for _ in minimum..<maximum {
          forks.append(program.count)
          try emit(.either(program.count + 1, 0))
          try generate(node)
        }
        for fork in forks { program[fork] = .either(fork + 1, program.count) }
      }
    }
    var parser = PatternParser(source)
    try generate(try parser.parse())
    try emit(.accept)
    return program
  }
}

extension ModulePattern: Equatable {
  public static func == (a: ModulePattern, b: ModulePattern) -> Bool { a.source == b.source }
}

/// The characters that a part of an expression matches.
struct ScalarSet: Sendable {
  var ranges: [ClosedRange<Unicode.Scalar>]
  var isNegated = false

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar) } != isNegated
  }
}

/// A part of an expression.
indirect enum PatternNode {
  case set(ScalarSet)
  case start
  case end
  case sequence([PatternNode])
  case choice([PatternNode])
  case repetition(PatternNode, minimum: Int, maximum: Int?)
}
