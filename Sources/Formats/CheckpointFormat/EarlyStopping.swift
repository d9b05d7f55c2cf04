import FileSupport
import JSONSupport

/// Ends a training whose validation loss no longer improves, counting as the Trainer's
/// `EarlyStoppingCallback` does.
public struct EarlyStopping: Equatable, Sendable {
  /// Validations in a row without an improvement after which the training ends.
  public let patience: Int
  /// How much lower than the lowest so far a loss must be to count as an improvement.
  public let threshold: Double
  /// Validations in a row without an improvement so far.
  public private(set) var count = 0

  static let callbackName = "EarlyStoppingCallback"

  public init(patience: Int, threshold: Double = 0) {
    self.patience = patience
    self.threshold = threshold
  }

  /// Whether the training ends.
  public var isReached: Bool { count >= patience }

  /// Counts the validation loss `loss`; `best` is the lowest of those before.
  ///
  /// A loss may be the lowest and yet no improvement, if it is so by less than ``threshold``.
  public mutating func count(_ loss: Double, best: Double?) {
    guard let best else { return count = 0 }
    count = loss < best && best - loss > threshold ? 0 : count + 1
  }

  /// The state as the Trainer keeps it.
  var json: JSONValue {
    [
      "args": [
        "early_stopping_patience": .integer(patience),
        "early_stopping_threshold": .number(threshold),
      ],
      "attributes": ["early_stopping_patience_counter": .integer(count)],
    ]
  }

  /// Reads what ``json`` holds; `nil` if something is missing.
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
