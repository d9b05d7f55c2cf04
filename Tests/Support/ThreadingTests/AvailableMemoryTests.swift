import FileSupport
import TestSupport
import Testing
import Threading

@Suite("AvailableMemory")
struct AvailableMemoryTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private var byteCount: Int? { AvailableMemory.byteCount(root: folder.path) }

  @Test("is what the system reports or what the control group leaves")
  func sources() throws {
    #expect(byteCount == nil)
    try folder.write("MemTotal: 9 kB\nMemAvailable:    1000 kB\n", to: "proc/meminfo")
    #expect(byteCount == 1_024_000)
    try folder.write("0::/a/b\n", to: "proc/self/cgroup")
    #expect(byteCount == 1_024_000)
    try folder.write("500000\n", to: "sys/fs/cgroup/a/b/memory.max")
    try folder.write("300000\n", to: "sys/fs/cgroup/a/b/memory.current")
    #expect(byteCount == 200_000)
    try folder.write("anon 1\nfile 100000\n", to: "sys/fs/cgroup/a/b/memory.stat")
    #expect(byteCount == 300_000)
    try folder.write("max\n", to: "sys/fs/cgroup/a/b/memory.max")
    #expect(byteCount == 1_024_000)
    // A group above may allow less.
    try folder.write("900000\n", to: "sys/fs/cgroup/a/memory.max")
    try folder.write("600000\n", to: "sys/fs/cgroup/a/memory.current")
    #expect(byteCount == 300_000)
    try folder.write("700000\n", to: "sys/fs/cgroup/memory.max")
    try folder.write("600000\n", to: "sys/fs/cgroup/memory.current")
    #expect(byteCount == 100_000)
  }

  @Test("limits of version 1 of control groups count, too")
  func version1() throws {
    try folder.write("MemAvailable:    1000 kB\n", to: "proc/meminfo")
    try folder.write("9:cpu,cpuacct:/c\n4:memory:/a/b\n0::/\n", to: "proc/self/cgroup")
    try folder.write("500000\n", to: "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes")
    try folder.write("300000\n", to: "sys/fs/cgroup/memory/a/b/memory.usage_in_bytes")
    #expect(byteCount == 200_000)
    try folder.write(
      "cache 7\ntotal_cache 100000\n", to: "sys/fs/cgroup/memory/a/b/memory.stat")
    #expect(byteCount == 300_000)
    // What an unlimited group says.
    try folder.write(
      "9223372036854771712\n", to: "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes")
    #expect(byteCount == 1_024_000)
    try folder.write("700000\n", to: "sys/fs/cgroup/memory/memory.limit_in_bytes")
    try folder.write("600000\n", to: "sys/fs/cgroup/memory/memory.usage_in_bytes")
    #expect(byteCount == 100_000)
  }

  @Test("is known on this machine")
  func here() {
    #expect(AvailableMemory.byteCount.map { $0 > 0 } == true)
  }
}
