import Glibc

/// How the learning rate changes from step to step, as in transformers' `get_scheduler`.
public enum LearningRateSchedule: String, CaseIterable, Sendable {
  /// Rises during warm-up, then falls to 0 linearly.
  case linear
  /// Rises during warm-up, then falls to 0 along half a cosine wave.
  case cosine
  /// Constant, without warm-up.
  case constant
  /// Rises during warm-up, then stays constant.
  case constantWithWarmup = "constant_with_warmup"

  /// What the learning rate is multiplied by in step `step`, counted from 0, of `total`.
  ///
  /// With warm-up the first factor is 0; the last of a decaying schedule does not reach 0.
  public func factor(step: Int, warmupSteps: Int, total: Int) -> Double {
    if self == .constant { return 1 }
    if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
    let length = Double(max(1, total - warmupSteps))
    return switch self {
    case .linear: max(0, Double(total - step) / length)
    case .cosine: max(0, 0.5 * (1 + cos(.pi * (Double(step - warmupSteps) / length))))
    case .constant, .constantWithWarmup: 1
    }
  }

  /// What the learning rate is multiplied by where a fraction of what follows the warm-up is done.
  func decay(_ fraction: Double) -> Double {
    switch self {
    case .linear: max(0, 1 - fraction)
    case .cosine: 0.5 * (1 + cos(.pi * min(1, fraction)))
    case .constant, .constantWithWarmup: 1
    }
  }
}
