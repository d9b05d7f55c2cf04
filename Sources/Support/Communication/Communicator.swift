import CommandLineSupport
import FileSupport
import Glibc

/// The processes that share one piece of work, as one of them sees it.
///
/// All methods but the properties are calls that every process makes, in the same order. With one
/// process they do nothing, and no MPI is loaded.
///
/// Everything is made of messages between two processes, so the order of sums, and with it their bits,
/// is the same under every MPI.
public final class Communicator {
  /// The number of this process, from 0.
  public var rank: Int { transport?.rank ?? 0 }
  /// How many processes there are.
  public var size: Int { transport?.size ?? 1 }
  /// Whether this is the process that writes files and talks to the user.
  public var isRoot: Bool { rank == 0 }
  /// What the processes communicate through, for the log; empty if there is only one.
  public let description: String
  /// The names of the machines, by rank.
  public private(set) var hosts: [String] = []

  let transport: (any MessageTransport)?
  /// Memory for the parts of a sum that come from others.
  var parts = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
  /// Memory for what is sent and received in bfloat16.
  var halves = UnsafeMutableBufferPointer<UInt16>(start: nil, count: 0)
  /// Whether sums are exchanged in bfloat16; all processes set the same.
  public var sumsInBFloat16 = false
  /// How many failures all processes know of; if there are any, each process ends by itself.
  private var sharedFailures = 0

  /// A single process.
  public static var alone: Communicator { Communicator(nil) }

  /// The processes that `transport` connects; `host` is the name of this one's machine.
  public init(
    _ transport: (any MessageTransport)?, description: String = "", host: String = "localhost"
  ) {
    self.transport = transport
    self.description = description
    hosts = gather(Array(host.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  deinit {
    parts.deallocate()
    halves.deallocate()
  }

  /// The processes that a launcher, such as `mpirun` or `srun`, has started together with this one;
  /// this one alone if none has.
  ///
  /// Messages to the user are shown by the first process only, SIGUSR1 counts as Ctrl-C, and when this
  /// process exits because of an error that the others do not know, they are ended too.
  ///
  /// - Throws: `SharedLibrary.LoadError` if the launcher's MPI cannot be used; `InputError` if the
  ///   processes run different programs.
  public static func launched() throws -> Communicator {
    guard let launch = try Launch(environment: variable) else { return alone }
    Interruption.handleUserSignal()
    guard launch.size > 1 else { return alone }
    let transport = try MPITransport(launch)
    guard transport.size > 1 else { return alone }
    let communicator = Communicator(transport, description: transport.version, host: hostName)
    if !communicator.isRoot { Log.showOnlyErrors(of: communicator.name(of: communicator.rank)) }
    let exit = ExitNotice(transport)
    ProcessExit.onExit { exit.tell(status: $0) }
    var checksum = CRC32()
    let program = try MappedFile(path: "/proc/self/exe")
    checksum.update(program.bytes)
    try communicator.checkSame(
      checksum.value, "another program", remedy: "copy one build to all machines")
    return communicator
  }

  /// Whether this is the first of the processes that a launcher has started, or the only one; it is known
  /// before they communicate.
  public static var isFirstLaunched: Bool {
    ((try? Launch(environment: variable))?.rank ?? 0) == 0
  }

  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Calls `body`, and ends the communication after it, also if it has failed everywhere.
  ///
  /// - Throws: What `body` throws.
  public func session(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      if sharedFailures > 0 { transport?.finish() }
      throw error
    }
    transport?.finish()
  }

  /// `rank 2 on node2`.
  public func name(of rank: Int) -> String { "rank \(rank) on \(hosts[rank])" }

  /// How many processes are where, for the log: `4 processes: 2 on node0, 2 on node1`.
  public var places: String {
    var counts: [(host: String, count: Int)] = []
    for host in hosts {
      if let index = counts.firstIndex(where: { $0.host == host }) {
        counts[index].count += 1
      } else {
        counts.append((host, 1))
      }
    }
    let list = counts.map { "\($0.count) on \($0.host)" }.joined(separator: ", ")
    return "\(size) process\(size == 1 ? "" : "es"): \(list)"
  }

  /// How many processes are on this one's machine.
  public var countOnThisMachine: Int { hosts.count { $0 == hosts[rank] } }

  /// Whether this is the first process on its machine.
  public var isFirstOnThisMachine: Bool { hosts.firstIndex(of: hosts[rank]) == rank }

  // MARK: - Small messages

  /// The bytes that each process passes, by rank.
  public func gather(_ bytes: [UInt8]) -> [[UInt8]] {
    guard size > 1 else { return [bytes] }
    let counts = gather([Double(bytes.count)]).map { Int($0[0]) }
    let longest = counts.max() ?? 0
    let padded = bytes + [UInt8](repeating: 0, count: longest - bytes.count)
    return zip(gatherEqual(padded), counts).map { Array($0.prefix($1)) }
  }

  /// The numbers that each process passes, by rank; all pass equally many.
  public func gather(_ numbers: [Double]) -> [[Double]] {
    guard size > 1 else { return [numbers] }
    let bytes = numbers.withUnsafeBytes { Array($0) }
    return gatherEqual(bytes).map { block in
      block.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
    }
  }

  /// In each round, a process passes on all blocks it has to one that is twice as far away as before
  /// (Bruck and others 1997).
  private func gatherEqual(_ block: [UInt8]) -> [[UInt8]] {
    guard !block.isEmpty else { return Array(repeating: [], count: size) }
    // The blocks of this process and of those after it.
    var blocks = block
    var distance = 1
    while distance < size {
      let count = min(distance, size - distance) * block.count
      let received = [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
        blocks.withUnsafeBytes { bytes in
          transport?.exchange(
            send: (UnsafeRawBufferPointer(rebasing: bytes[..<count]), to: rank(-distance)),
            receive: (UnsafeMutableRawBufferPointer(memory), from: rank(distance)))
        }
        initialized = count
      }
      blocks += received
      distance *= 2
    }
    return (0..<size).map { other in
      let start = (other - rank + size) % size * block.count
      return Array(blocks[start..<start + block.count])
    }
  }

  /// The process that is `offset` after this one, in a circle.
  func rank(_ offset: Int) -> Int { (rank + offset + size) % size }

  /// What the first process passes as `number`.
  public func root(_ number: Double) -> Double {
    size == 1 ? number : gather([number])[0][0]
  }

  /// What the first process passes as `flag`.
  public func root(_ flag: Bool) -> Bool { root(flag ? 1 : 0) != 0 }

  /// What `body` returns for each of `count` pieces of work, which the processes take in turns.
  public func inTurns(_ count: Int, _ body: (_ index: Int) -> Double) -> [Double] {
    var own = stride(from: rank, to: count, by: size).map(body)
    let rounds = (count + size - 1) / size
    own += [Double](repeating: 0, count: rounds - own.count)
    let all = gather(own)
    return (0..<count).map { all[$0 % size][$0 / size] }
  }

  /// Shows the user the `warning` of each process that has one.
  public func warn(_ warning: String?) {
    for (other, text) in gather(Array((warning ?? "").utf8)).enumerated() where !text.isEmpty {
      let text = String(decoding: text, as: UTF8.self)
      Log.warning(size == 1 ? text : "\(name(of: other)): \(text)")
    }
  }

  // MARK: - Failures

  /// Calls `body`; if it throws in any process, every process throws.
  ///
  /// The first throws the error of the lowest rank, with its name if it is another's; the others throw
  /// a ``PeerFailure`` without a message.
  public func together<Result>(_ body: () throws -> Result) throws -> Result {
    guard size > 1 else { return try body() }
    let known = sharedFailures
    do {
      let result = try body()
      if let error = agree(on: nil) { throw error }
      return result
    } catch {
      // All processes may have failed together within the body.
      if sharedFailures > known { throw error }
      throw agree(on: error) ?? error
    }
  }

  /// The error that this process is to throw, if any process passes one.
  public func agree(on error: (any Error)?) -> (any Error)? {
    guard size > 1 else { return error }
    let statuses = gather([Double(error.map(ExitStatus.number) ?? 0)]).map { Int32($0[0]) }
    guard let first = statuses.firstIndex(where: { $0 != 0 }) else { return nil }
    sharedFailures += 1
    if first == 0 { return isRoot ? error : PeerFailure(status: statuses[0]) }
    let texts = gather(rank == first ? Array((error.map { "\($0)" } ?? "").utf8) : [])
    let text = String(decoding: texts[first], as: UTF8.self)
    return PeerFailure(status: statuses[first], isRoot ? "\(name(of: first)): \(text)" : "")
  }

  /// The error that this process is to throw if every process has come to `error`.
  public func shared(_ error: any Error) -> any Error {
    sharedFailures += 1
    return isRoot ? error : PeerFailure(status: ExitStatus.number(for: error))
  }

  /// Checks that all processes pass the same `digest`; one that does not has `difference`, such as
  /// `other weights`.
  ///
  /// - Throws: `InputError` that names the process and the `remedy`; ``PeerFailure``.
  public func checkSame(_ digest: UInt32, _ difference: String, remedy: String) throws {
    guard size > 1 else { return }
    let digests = gather([Double(digest)]).map { $0[0] }
    guard let other = digests.firstIndex(where: { $0 != digests[0] }) else { return }
    throw shared(
      InputError(name(of: other), "has \(difference) than \(name(of: 0)): \(remedy)"))
  }
}

/// Tells the other processes that this one exits because of an error that they do not know.
///
/// Unchecked `Sendable`, because a transport is used by one thread at a time: by the time the process
/// exits, no other uses it.
private final class ExitNotice: @unchecked Sendable {
  private let transport: MPITransport

  init(_ transport: MPITransport) { self.transport = transport }

  func tell(status: Int32) {
    if status != 0, !transport.isFinished { transport.abort(status: status) }
  }
}
