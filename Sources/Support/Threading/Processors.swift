import FileSupport
import Glibc

/// The processors that this process may use, and how many threads they are worth.
///
/// Two processors of one core share its multipliers: matrix products gain nothing from a second
/// thread on the core, and lose by having to share its cache.
public struct Processors: Equatable, Sendable, CustomStringConvertible {
  /// The logical processors in the affinity mask of the process.
  public let logicalCount: Int
  /// The physical cores that these belong to.
  public let coreCount: Int
  /// How many processors' time the control group allows, such as a container's 1.5; `nil`: all.
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
  /// What cannot be read (no /sys, as in some sandboxes) is taken for a core each and no quota.
  package init(root: String) {
    let allowed = Self.affinityMask(root: root)
    var cores: Set<Set<Int>> = []
    for processor in allowed {
      let path = "\(root)/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"
      let siblings = Self.text(path).flatMap(Self.processorList) ?? [processor]
      cores.insert(siblings.union([processor]))
    }
    self.init(
      logicalCount: max(1, allowed.count), coreCount: max(1, cores.count),
      quota: Self.quota(root: root))
  }

  /// A thread for each physical core, but no more than the quota keeps busy.
  public var threadCount: Int {
    guard let quota else { return coreCount }
    return max(1, min(coreCount, Int(min(quota, 1e6).rounded(.up))))
  }

  /// `2 physical cores (4 logical processors)`, with the quota where there is one.
  public var description: String {
    func count(_ number: Int, _ name: String) -> String {
      "\(number) \(name)\(number == 1 ? "" : "s")"
    }
    var text = count(coreCount, "physical core")
    if logicalCount != coreCount { text += " (\(count(logicalCount, "logical processor")))" }
    if let quota { text += ", of which a quota allows \(Self.shortText(of: quota))" }
    return text
  }

  /// `number` with up to six digits.
  private static func shortText(of number: Double) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text in
      guard let start = text.baseAddress else { return "" }
      _ = withVaList([number]) { vsnprintf(start, text.count, "%g", $0) }
      return String(cString: start)
    }
  }

  // MARK: - Reading

  private static func affinityMask(root: String) -> Set<Int> {
    let label = "Cpus_allowed_list:"
    let lines = (text("\(root)/proc/self/status") ?? "").split(separator: "\n")
    let list = lines.first { $0.hasPrefix(label) }?.dropFirst(label.count)
    return list.flatMap { processorList(trimmed($0)) }
      ?? Set(0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// The text of the file at `path`, whose size the system does not tell beforehand.
  private static func text(_ path: String) -> String? {
    guard let file = try? InputFile(path: path) else { return nil }
    var bytes: [UInt8] = []
    let isRead: Void? = try? withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) {
      while case let count = try file.read(into: $0), count > 0 {
        bytes.append(contentsOf: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
      }
    }
    guard isRead != nil else { return nil }
    return String(validating: bytes, as: UTF8.self).map { trimmed($0[...]) }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  /// The numbers of a list such as `0-3,8,10-11`; `nil` if it is none.
  package static func processorList(_ text: String) -> Set<Int>? {
    var numbers: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
        0 <= first, first <= last, last < 1 << 20
      else { return nil }
      numbers.formUnion(first...last)
    }
    return numbers
  }

  /// The tightest quota of the process's control group and those above it, in processors.
  private static func quota(root: String) -> Double? {
    var quotas: [Double] = []
    for line in (text("\(root)/proc/self/cgroup") ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      var group = String(fields[2])
      while true {
        let quota =
          fields[1].isEmpty
          ? quotaOfVersion2("\(root)/sys/fs/cgroup\(group)")
          : fields[1].split(separator: ",").contains("cpu")
            ? quotaOfVersion1("\(root)/sys/fs/cgroup/\(fields[1])\(group)") : nil
        if let quota { quotas.append(quota) }
        guard !group.isEmpty, let slash = group.lastIndex(of: "/") else { break }
        group = String(group[..<slash])
      }
    }
    return quotas.min()
  }

  private static func quotaOfVersion2(_ group: String) -> Double? {
    let fields = (text("\(group)/cpu.max") ?? "").split(separator: " ").map { Double($0) }
    guard fields.count == 2, let quota = fields[0], let period = fields[1], quota > 0, period > 0
    else { return nil }
    return quota / period
  }

  private static func quotaOfVersion1(_ group: String) -> Double? {
    guard let quota = text("\(group)/cpu.cfs_quota_us").flatMap(Double.init),
      let period = text("\(group)/cpu.cfs_period_us").flatMap(Double.init), quota > 0, period > 0
    else { return nil }
    return quota / period
  }
}
