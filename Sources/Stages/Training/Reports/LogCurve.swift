import CheckpointFormat

/// The points of a curve in the log of a training.
enum LogCurve {
  typealias Points = [(x: Double, y: Double)]

  /// How many points a line has at most; more cannot be told apart.
  private static let pointsPerLine = 600

  /// The values of `name` in the log of `state`, by step.
  static func points(_ name: String, of state: TrainerState) -> Points {
    let all = state.log.compactMap { entry in
      entry.values[name].map { (x: Double(entry.step), y: $0) }
    }
    let stride = (all.count + pointsPerLine - 1) / pointsPerLine
    return stride < 2 ? all : all.enumerated().filter { $0.offset % stride == 0 }.map(\.element)
  }

  /// The mean of the points so far, in which each weighs four fifths of the one after it; none if there
  /// are only a few points.
  static func smoothed(_ points: Points) -> Points {
    var (mean, weight) = (0.0, 0.0)
    return points.count < 10
      ? []
      : points.map { point in
        mean = 0.8 * mean + 0.2 * point.y
        weight = 0.8 * weight + 0.2
        return (point.x, mean / weight)
      }
  }
}
