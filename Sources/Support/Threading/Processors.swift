import Glibc
import TextSupport

/// The processors that this process may use, and how many threads they can keep busy.
///
/// Two processors of one core share its multipliers, so a second thread on the core does not speed
/// up matrix products, and the two compete for the cache.
public struct Processors: Equatable, Sendable, CustomStringConvertible {
  /// The number of logical processors in the affinity mask of the process.
  public let logicalCount: Int
  /// The number of physical cores that these belong to.
  public let coreCount: Int
  /// How many processors' time the control group allows, such as 1.5 for a container; `nil` if
  /// unlimited.
  public let quota: Double?

  public init(logicalCount: Int, coreCount: Int, quota: Double?) {
    self.logicalCount = logicalCount
    self.coreCount = coreCount
    self.quota = quota
  }

  /// The processors of this process.
  public static var current: Processors {
    Processors(root: "")
  }

  /// Reads the affinity mask, the topology of its processors, and the quota below `root`/proc and
  /// `root`/sys.
  ///
  /// A processor whose topology is unreadable (no /sys, as in some sandboxes) counts as one core.
  package init(root: String) {
    let allowed = Self.affinityMask(root: root)
    var cores: Set<Set<Int>> = []
    for processor in allowed {
      let path = "\(root)/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"
      let siblings = systemLines(path).first.flatMap(Self.processorList) ?? [processor]
      cores.insert(siblings.union([processor]))
    }
    self.init(
      logicalCount: max(1, allowed.count), coreCount: max(1, cores.count),
      quota: ControlGroup.folders(root: root, controller: "cpu").compactMap(Self.quota).min())
  }

  /// One thread for each physical core, but no more than the quota can keep busy.
  public var threadCount: Int {
    guard let quota else { return coreCount }
    return max(1, min(coreCount, Int(min(quota, 1e6).rounded(.up))))
  }

  /// `requested` threads, or ``threadCount``, but not more than there are processors: those would only
  /// take turns.
  public func threadCount(requested: Int?) -> Int {
    requested.map { min($0, logicalCount) } ?? threadCount
  }

  /// `2 physical cores (4 logical processors)`, with the quota if there is one.
  public var description: String {
    func count(_ count: Int, _ name: String) -> String {
      "\(count) \(name)\(count == 1 ? "" : "s")"
    }
    var text = count(coreCount, "physical core")
    if logicalCount != coreCount { text += " (\(count(logicalCount, "logical processor")))" }
    if let quota { text += ", of which a quota allows \(NumberText.shortest(quota))" }
    return text
  }

  // MARK: - Reading

  private static func affinityMask(root: String) -> Set<Int> {
    let label = "Cpus_allowed_list:"
    let line = systemLines("\(root)/proc/self/status").first { $0.hasPrefix(label) }
    return line.flatMap { processorList($0.dropFirst(label.count).trimmed) }
      ?? Set(0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// The indices in a list such as `0-3,8,10-11`; `nil` if it is not one.
  private static func processorList(_ text: String) -> Set<Int>? {
    var indices: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
        0 <= first, first <= last, last < 1 << 20
      else { return nil }
      indices.formUnion(first...last)
    }
    return indices
  }

  /// The quota of the control group in the folder `group`, of version 2 or 1, in processors.
  private static func quota(of group: String) -> Double? {
    let fields =
      systemLines("\(group)/cpu.max").first?.split(separator: " ").map { Double($0) }
      ?? ["quota", "period"].map {
        systemLines("\(group)/cpu.cfs_\($0)_us").first.flatMap(Double.init)
      }
    guard fields.count == 2, let quota = fields[0], let period = fields[1], quota > 0, period > 0
    else { return nil }
    return quota / period
  }
}
