extension UnsafeBufferPointer<Float> {
  /// The index of the first number that is NaN or infinite; `nil` if there is none.
  public var firstNonFinite: Int? {
    let infinity = Float.infinity.bitPattern
    // A maximum of whole numbers, which the compiler makes of many at a time.
    let stretch = 4096
    for start in stride(from: 0, to: count, by: stretch) {
      let part = self[start..<Swift.min(start + stretch, count)]
      var largest: UInt32 = 0
      for number in part { largest = Swift.max(largest, number.bitPattern & 0x7FFF_FFFF) }
      if largest >= infinity { return part.firstIndex { !$0.isFinite } }
    }
    return nil
  }
}
