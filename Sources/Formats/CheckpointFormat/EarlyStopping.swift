import FileSupport
import JSONSupport

/// Ends training once the validation loss no longer improves, counting like the Trainer's
/// `EarlyStoppingCallback`.
public struct EarlyStopping: Equatable, Sendable {
  /// The number of consecutive validations without an improvement after which training ends.
  public let patience: Int
  /// How far a loss must be below the lowest so far to count as an improvement.
  public let threshold: Double
  /// The number of consecutive validations without an improvement so far.
  public private(set) var count = 0

  static let callbackName = "EarlyStoppingCallback"

  public init(patience: Int, threshold: Double = 0) {
    self.patience = patience
    self.threshold = threshold
  }

  /// Whether training ends.
  public var isReached: Bool { count >= patience }

  /// Counts the validation loss `loss`; `best` is the lowest one before it.
  ///
  /// A new lowest loss is not an improvement if it is lower by no more than ``threshold``.
  public mutating func count(_ loss: Double, best: Double?) {
    guard let best else { return count = 0 }
    count = loss < best && best - loss > threshold ? 0 : count + 1
  }

  /// The state in the Trainer's format.
  var json: JSONValue {
    [
      "args": [
        "early_stopping_patience": .integer(patience),
        "early_stopping_threshold": .number(threshold),
      ],
      "attributes": ["early_stopping_patience_counter": .integer(count)],
    ]
  }

  /// Reads the Trainer's format; `nil` if something is missing.
  init?(_ json: JSONValue) {
    guard let arguments = json["args"],
      let patience = arguments["early_stopping_patience"]?.integer,
      let threshold = arguments["early_stopping_threshold"]?.number,
      let count = json["attributes"]?["early_stopping_patience_counter"]?.integer
    else { return nil }
    self.init(patience: patience, threshold: threshold)
    self.count = count
  }
}
