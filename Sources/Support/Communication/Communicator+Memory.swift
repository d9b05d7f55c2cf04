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

  /// Replaces `floats` with the sum of those of the first `contributors` processes.
  ///
  /// Each process owns a part of every bucket: it receives that part from the others, adds them up, and
  /// sends the sum to all. That is 2 (N − 1) / N of the bytes for N processes, as in a ring, with the
  /// difference that an element's order of addition does not depend on its place: neighbours first,
  /// then neighbouring pairs, and so on. With ``sumsInBFloat16``, terms and sum are rounded to bfloat16,
  /// which halves the bytes; the additions are in single precision.
  public func sum(_ floats: UnsafeMutableBufferPointer<Float>, contributors: Int) {
    let division = Division(count: floats.count, among: size)
    for bucket in division.buckets {
      sumParts(of: floats, bucket, division, contributors: contributors)
      gatherParts(of: floats, bucket, division, inBFloat16: sumsInBFloat16)
    }
  }

  /// The first half of ``sum(_:contributors:)``: the parts of `floats` that `division` gives this process
  /// become sums, and the rest remains as it is.
  public func sumParts(
    of floats: UnsafeMutableBufferPointer<Float>, _ division: Division, contributors: Int
  ) {
    for bucket in division.buckets {
      sumParts(of: floats, bucket, division, contributors: contributors)
    }
  }

  /// Replaces the parts of `floats` that belong to others with what those have there.
  public func gatherParts(of floats: UnsafeMutableBufferPointer<Float>, _ division: Division) {
    for bucket in division.buckets {
      gatherParts(of: floats, bucket, division, inBFloat16: false)
    }
  }

  func sumParts(
    of floats: UnsafeMutableBufferPointer<Float>, _ bucket: Range<Int>, _ division: Division,
    contributors: Int
  ) {
    guard size > 1 else { return }
    precondition((1...size).contains(contributors) && division.size == size)
    allocateScratch(division.largestPart)
    func part(of owner: Int) -> UnsafeMutableBufferPointer<Float> {
      UnsafeMutableBufferPointer(rebasing: floats[division.part(of: owner, in: bucket)])
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
        receive: previous < contributors ? slot(previous) : nil, from: previous,
        inBFloat16: sumsInBFloat16)
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
  }

  func gatherParts(
    of floats: UnsafeMutableBufferPointer<Float>, _ bucket: Range<Int>, _ division: Division,
    inBFloat16: Bool
  ) {
    guard size > 1 else { return }
    func part(of owner: Int) -> UnsafeMutableBufferPointer<Float> {
      UnsafeMutableBufferPointer(rebasing: floats[division.part(of: owner, in: bucket)])
    }
    for offset in 1..<size {
      let (next, previous) = (rank(offset), rank(-offset))
      exchange(
        send: part(of: rank), to: next, receive: part(of: previous), from: previous,
        inBFloat16: inBFloat16)
    }
  }

  /// Moves the floats in `range` of a divided array from the processes, each of which keeps its own in
  /// `kept`, to the first one's `whole`, or from there to them.
  ///
  /// Only the first process needs a `whole`, which has the floats in `range`.
  public func move(
    _ range: Range<Int>, of division: Division, kept: UnsafeMutableBufferPointer<Float>,
    whole: UnsafeMutableBufferPointer<Float>?, toRoot: Bool
  ) {
    for other in 0..<size where isRoot || other == rank {
      for (all, place) in division.parts(of: other, in: range) {
        // A process that is not concerned has neither.
        let own = other == rank ? UnsafeMutableBufferPointer(rebasing: kept[place]) : nil
        let part = whole.map {
          UnsafeMutableBufferPointer(
            rebasing: $0[all.lowerBound - range.lowerBound..<all.upperBound - range.lowerBound])
        }
        if let own, let part {
          _ = toRoot ? part.update(fromContentsOf: own) : own.update(fromContentsOf: part)
        } else if let floats = own ?? part {
          let sends = isRoot != toRoot
          exchange(
            send: sends ? floats : nil, to: isRoot ? other : 0, receive: sends ? nil : floats,
            from: isRoot ? other : 0, inBFloat16: false)
        }
      }
    }
  }

  /// Provides memory for parts of up to `count` floats.
  private func allocateScratch(_ count: Int) {
    if parts.count < count * size {
      parts.deallocate()
      parts = .allocate(capacity: count * size)
    }
    if sumsInBFloat16, halves.count < 2 * count {
      halves.deallocate()
      halves = .allocate(capacity: 2 * count)
    }
  }

  /// Sends and receives floats; leaves out what is empty.
  private func exchange(
    send: UnsafeMutableBufferPointer<Float>?, to next: Int,
    receive: UnsafeMutableBufferPointer<Float>?, from previous: Int, inBFloat16: Bool
  ) {
    var sent: (bytes: UnsafeRawBufferPointer, to: Int)?
    var received: (memory: UnsafeMutableRawBufferPointer, from: Int)?
    if let send, !send.isEmpty { sent = (UnsafeRawBufferPointer(send), next) }
    if let receive, !receive.isEmpty {
      received = (UnsafeMutableRawBufferPointer(receive), previous)
    }
    guard inBFloat16 else {
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
