import FileSupport
import Foundation
import TestSupport
import Testing
import Threading

/// What is read of a machine, from trees like its /sys and /proc.
@Suite("Processors")
struct ProcessorsTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Writes who shares a core with whom: `siblings[n]` is the list of processor n.
  private func write(_ siblings: [String], allowed: String) throws {
    for (processor, list) in siblings.enumerated() {
      try folder.write(
        list + "\n", to: "sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list")
    }
    try folder.write(
      "Name:\tgpt\nCpus_allowed:\tff\nCpus_allowed_list:\t\(allowed)\nMems_allowed_list:\t0\n",
      to: "proc/self/status")
  }

  private var processors: Processors { Processors(root: folder.path) }

  @Test(
    "a core counts once, however many of its processors may be used",
    arguments: [
      // Four cores of two processors, numbered as Intel's and as AMD's machines do.
      (["0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"], "0-7", 8, 4),
      (["0-1", "0-1", "2-3", "2-3"], "0-3", 4, 2),
      // The affinity mask has one processor of a core, both of another.
      (["0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"], "0,2,6", 3, 2),
      (["0", "1", "2"], "0-2", 3, 3), (["0", "1", "2"], "2", 1, 1),
      // Cores of two and of one processor, as in machines of mixed cores.
      (["0-1", "0-1", "2", "3"], "0-3", 4, 3),
    ] as [([String], String, Int, Int)])
  func cores(siblings: [String], allowed: String, logical: Int, cores: Int) throws {
    try write(siblings, allowed: allowed)
    #expect(processors == Processors(logicalCount: logical, coreCount: cores, quota: nil))
    #expect(processors.threadCount == cores)
  }

  @Test("counts a core for each processor that cannot be examined")
  func unreadable() throws {
    try write(["0,1", "x", "", "1-", "3,,4", "9-2"], allowed: "0-6")
    #expect(processors.coreCount == 7)
    let none = Processors(root: folder.path("nowhere"))
    #expect(none.coreCount == ProcessInfo.processInfo.activeProcessorCount)
    #expect(none.quota == nil)
  }

  @Test(
    "the quota of the control group bounds the threads",
    arguments: [
      ("150000 100000", 1.5, 2), ("100000 100000", 1, 1), ("5000 100000", 0.05, 1),
      ("max 100000", nil, 4), ("1600000 100000", 16, 4), ("", nil, 4), ("-1 100000", nil, 4),
    ] as [(String, Double?, Int)])
  func quota(limit: String, quota: Double?, threads: Int) throws {
    try write(["0", "1", "2", "3"], allowed: "0-3")
    try folder.write("0::/a/b\n", to: "proc/self/cgroup")
    try folder.write(limit + "\n", to: "sys/fs/cgroup/a/b/cpu.max")
    #expect(processors.quota == quota)
    #expect(processors.threadCount == threads)
  }

  @Test("the tightest quota of the groups above counts; a container sees its own as the root")
  func groups() throws {
    try write(["0", "1", "2", "3"], allowed: "0-3")
    try folder.write("0::/a/b\n", to: "proc/self/cgroup")
    try folder.write("max 100000\n", to: "sys/fs/cgroup/a/b/cpu.max")
    try folder.write("200000 100000\n", to: "sys/fs/cgroup/a/cpu.max")
    try folder.write("300000 100000\n", to: "sys/fs/cgroup/cpu.max")
    #expect(processors.quota == 2)
    try folder.write("0::/\n", to: "proc/self/cgroup")
    #expect(processors.quota == 3)
  }

  @Test("quotas of version 1 of control groups count, too", arguments: ["cpu", "cpuacct,cpu"])
  func version1(controllers: String) throws {
    try write(["0", "1", "2", "3"], allowed: "0-3")
    try folder.write(
      "4:memory:/b\n3:\(controllers):/a\n1:name=systemd:/\n0::/\n", to: "proc/self/cgroup")
    try folder.write("-1\n", to: "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us")
    try folder.write("100000\n", to: "sys/fs/cgroup/cpu/a/cpu.cfs_period_us")
    #expect(processors.quota == nil)
    try folder.write("150000\n", to: "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us")
    #expect(processors.quota == 1.5)
    // What a container sees of its own group.
    try folder.write("3:\(controllers):/docker/1234\n", to: "proc/self/cgroup")
    try folder.write("250000\n", to: "sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    try folder.write("100000\n", to: "sys/fs/cgroup/cpu/cpu.cfs_period_us")
    #expect(processors.quota == 2.5)
  }

  @Test("describes what there is")
  func text() {
    func text(_ logical: Int, _ cores: Int, _ quota: Double? = nil) -> String {
      "\(Processors(logicalCount: logical, coreCount: cores, quota: quota))"
    }
    #expect(text(1, 1) == "1 physical core")
    #expect(text(2, 2) == "2 physical cores")
    #expect(text(8, 4) == "4 physical cores (8 logical processors)")
    #expect(
      text(2, 1, 1.5) == "1 physical core (2 logical processors), of which a quota allows 1.5")
  }

  @Test("this machine has processors")
  func current() {
    let current = Processors.current
    #expect(current.threadCount >= 1 && current.coreCount <= current.logicalCount)
    #expect(current.logicalCount <= max(1, ProcessInfo.processInfo.activeProcessorCount))
  }
}
