import Communication
import Foundation

/// Calls `body` in `size` threads at once, each with the communicator of one of as many processes, and
/// returns what each call returned or threw, by rank.
///
/// An error that only some of the calls know leaves the others waiting, as it would without a launcher
/// that ends all processes.
public func withRanks<Value: Sendable>(
  _ size: Int, _ body: @escaping @Sendable (Communicator) throws -> Value
) -> [Result<Value, any Error>] {
  let network = LocalNetwork()
  let group = DispatchGroup()
  let results = LockedResults<Value>(count: size)
  for rank in 0..<size {
    group.enter()
    let thread = Thread {
      let transport = LocalTransport(rank: rank, size: size, network)
      results.set(rank, Result { try body(Communicator(transport, host: "node\(rank)")) })
      group.leave()
    }
    thread.stackSize = 8 << 20
    thread.start()
  }
  group.wait()
  return results.all
}

/// Messages between threads.
///
/// Unchecked `Sendable`, because the messages are accessed only while the condition's lock is held.
private final class LocalNetwork: @unchecked Sendable {
  private let condition = NSCondition()
  /// What was sent and not received yet, by sender and receiver.
  private var messages: [[Int]: [Data]] = [:]

  func send(_ bytes: UnsafeRawBufferPointer, from sender: Int, to receiver: Int) {
    condition.withLock { messages[[sender, receiver], default: []].append(Data(bytes)) }
    condition.broadcast()
  }

  func receive(from sender: Int, at receiver: Int) -> Data {
    condition.withLock {
      while messages[[sender, receiver], default: []].isEmpty { condition.wait() }
      return messages[[sender, receiver], default: []].removeFirst()
    }
  }
}

private final class LocalTransport: MessageTransport {
  let rank, size: Int
  private let network: LocalNetwork

  init(rank: Int, size: Int, _ network: LocalNetwork) {
    (self.rank, self.size, self.network) = (rank, size, network)
  }

  func exchange(
    send: (bytes: UnsafeRawBufferPointer, to: Int)?,
    receive: (memory: UnsafeMutableRawBufferPointer, from: Int)?
  ) {
    if let send { network.send(send.bytes, from: rank, to: send.to) }
    guard let receive else { return }
    let message = network.receive(from: receive.from, at: rank)
    precondition(message.count == receive.memory.count, "the message has another size")
    message.copyBytes(to: receive.memory)
  }

  func finish() {}

  func abort(status: Int32) { preconditionFailure("rank \(rank) ends all with status \(status)") }
}

/// Unchecked `Sendable`, because the results are accessed only while the lock is held.
private final class LockedResults<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var results: [Result<Value, any Error>?]

  init(count: Int) { results = Array(repeating: nil, count: count) }

  func set(_ index: Int, _ result: Result<Value, any Error>) {
    lock.withLock { results[index] = result }
  }

  var all: [Result<Value, any Error>] { lock.withLock { results.compactMap { $0 } } }
}
