extension Communicator {
  /// Replaces `bytes` with those of the first process.
  ///
  /// They are passed on from each process to the next, piece by piece, so the time hardly depends on
  /// the number of processes.
  public func broadcast(_ bytes: UnsafeMutableRawBufferPointer) {
    guard size > 1 else { return }
    let piece = 1 << 20
    let pieces = (bytes.count + piece - 1) / piece
    func part(_ index: Int) -> UnsafeMutableRawBufferPointer? {
      guard (0..<pieces).contains(index) else { return nil }
      return UnsafeMutableRawBufferPointer(
        rebasing: bytes[index * piece..<min(bytes.count, (index + 1) * piece)])
    }
    for index in 0...pieces {
      // A piece arrives while the one before it is passed on.
      let arriving = isRoot ? nil : part(index)
      let leaving = rank + 1 < size ? part(isRoot ? index : index - 1) : nil
      transport?.exchange(
        send: leaving.map { (UnsafeRawBufferPointer($0), to: rank + 1) },
        receive: arriving.map { ($0, from: rank - 1) })
    }
  }

  /// The bytes that the first process passes.
  public func broadcast(_ bytes: [UInt8]) -> [UInt8] {
    guard size > 1 else { return bytes }
    var bytes = bytes
    let count = Int(gather([Double(bytes.count)])[0][0])
    if !isRoot { bytes = [UInt8](repeating: 0, count: count) }
    bytes.withUnsafeMutableBytes { broadcast($0) }
    return bytes
  }

  /// How many floats are summed before the next ones are sent.
  private var bucket: Int { max(4 << 20, size << 17) }

  /// Replaces `floats` with the sum of those of the first `contributors` processes.
  ///
  /// Each process owns a part of every bucket: it receives that part from the others, adds them up, and
  /// sends the sum to all. That is 2 (N − 1) / N of the bytes for N processes, as in a ring, with the
  /// difference that an element's order of addition does not depend on its place: neighbours first,
  /// then neighbouring pairs, and so on. With ``sumsInBFloat16``, terms and sum are rounded to bfloat16,
  /// which halves the bytes; the additions are in single precision.
  public func sum(_ floats: UnsafeMutableBufferPointer<Float>, contributors: Int) {
    guard size > 1 else { return }
    precondition((1...size).contains(contributors))
    if parts.isEmpty { parts = .allocate(capacity: (bucket / size + 1) * size) }
    if sumsInBFloat16, halves.isEmpty { halves = .allocate(capacity: 2 * (bucket / size + 1)) }
    for start in stride(from: 0, to: floats.count, by: bucket) {
      sumBucket(
        UnsafeMutableBufferPointer(
          rebasing: floats[start..<min(floats.count, start + bucket)]), contributors)
    }
  }

  private func sumBucket(_ bucket: UnsafeMutableBufferPointer<Float>, _ contributors: Int) {
    func part(of owner: Int) -> UnsafeMutableBufferPointer<Float> {
      UnsafeMutableBufferPointer(
        rebasing: bucket[bucket.count * owner / size..<bucket.count * (owner + 1) / size])
    }
    let own = part(of: rank)
    func slot(_ contributor: Int) -> UnsafeMutableBufferPointer<Float> {
      contributor == rank
        ? own
        : UnsafeMutableBufferPointer(
          rebasing: parts[contributor * own.count..<(contributor + 1) * own.count])
    }
    for offset in 1..<size {
      let (next, previous) = (rank(offset), rank(-offset))
      exchange(
        send: rank < contributors ? part(of: next) : nil, to: next,
        receive: previous < contributors ? slot(previous) : nil, from: previous)
    }
    // Its own terms and its sum are rounded like those that are sent.
    if sumsInBFloat16 { own.indices.forEach { own[$0] = Float(bfloat16: own[$0].bfloat16) } }
    var distance = 1
    while distance < contributors {
      for left in stride(from: 0, to: contributors - distance, by: 2 * distance) {
        add(slot(left + distance), to: slot(left))
      }
      distance *= 2
    }
    if rank != 0 { _ = own.update(fromContentsOf: slot(0)) }
    if sumsInBFloat16 { own.indices.forEach { own[$0] = Float(bfloat16: own[$0].bfloat16) } }
    for offset in 1..<size {
      let (next, previous) = (rank(offset), rank(-offset))
      exchange(send: own, to: next, receive: part(of: previous), from: previous)
    }
  }

  /// Sends and receives floats, in bfloat16 with ``sumsInBFloat16``; leaves out what is empty.
  private func exchange(
    send: UnsafeMutableBufferPointer<Float>?, to next: Int,
    receive: UnsafeMutableBufferPointer<Float>?, from previous: Int
  ) {
    var sent: (bytes: UnsafeRawBufferPointer, to: Int)?
    var received: (memory: UnsafeMutableRawBufferPointer, from: Int)?
    if let send, !send.isEmpty { sent = (UnsafeRawBufferPointer(send), next) }
    if let receive, !receive.isEmpty {
      received = (UnsafeMutableRawBufferPointer(receive), previous)
    }
    guard sumsInBFloat16 else {
      transport?.exchange(send: sent, receive: received)
      return
    }
    let outgoing = UnsafeMutableBufferPointer(rebasing: halves[..<(send?.count ?? 0)])
    let incoming = UnsafeMutableBufferPointer(
      rebasing: halves[(halves.count / 2)...].prefix(receive?.count ?? 0))
    if let send { for index in send.indices { outgoing[index] = send[index].bfloat16 } }
    transport?.exchange(
      send: sent.map { (UnsafeRawBufferPointer(outgoing), $0.to) },
      receive: received.map { (UnsafeMutableRawBufferPointer(incoming), $0.from) })
    if let receive {
      for index in receive.indices { receive[index] = Float(bfloat16: incoming[index]) }
    }
  }

  private func add(
    _ terms: UnsafeMutableBufferPointer<Float>, to sums: UnsafeMutableBufferPointer<Float>
  ) {
    for index in sums.indices { sums[index] += terms[index] }
  }
}

extension Float {
  /// The nearest bfloat16, the even one of two.
  fileprivate var bfloat16: UInt16 {
    let rounded = (bitPattern &+ 0x7FFF &+ (bitPattern >> 16 & 1)) >> 16
    return UInt16(truncatingIfNeeded: isNaN ? bitPattern >> 16 | 0x40 : rounded)
  }

  fileprivate init(bfloat16: UInt16) { self.init(bitPattern: UInt32(bfloat16) << 16) }
}
