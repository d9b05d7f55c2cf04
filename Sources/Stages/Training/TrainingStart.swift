import JSONSupport

/// How a training run starts.
public enum TrainingStart: Equatable, Sendable {
  /// From the first step; there is no earlier run.
  case new
  /// From the first step, replacing an earlier run that differs in `differences`.
  case replacing(differences: [String])
  /// After the step of a checkpoint.
  case resumed(step: Int)
  /// Not at all: the run is already finished.
  case finished
}

/// What to do with an earlier run in the same folder.
public struct EarlierRunPolicy: Sendable {
  /// Resume it where it stopped, and leave a finished one with the same settings unchanged.
  public var resumes: Bool
  /// Replace it if it is neither resumed nor left unchanged.
  public var restarts: Bool

  public init(resumes: Bool, restarts: Bool) {
    self.resumes = resumes
    self.restarts = restarts
  }
}

/// Where the weights come from that a training run begins with.
public enum WeightOrigin: Sendable {
  /// They are new.
  case random
  /// They are those of a model with this checksum; its name on the Hugging Face Hub, if known.
  case model(checksum: UInt32, name: String?)

  /// What must stay the same when a run is resumed.
  ///
  /// A model stays the same when it is moved, so its name is not part of it.
  var resumeKey: JSONValue {
    switch self {
    case .random: ["weights": "random"]
    case .model(let checksum, _): ["weights": .integer(Int(checksum))]
    }
  }
}
