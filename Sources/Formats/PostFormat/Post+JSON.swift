import FileSupport
import JSONSupport

extension Post {
  /// Appends the post as JSON, on one line, to `line`; the fields `omitted` are left out.
  package func appendJSON(to line: inout [UInt8], omitting omitted: Set<PostField> = []) {
    func has(_ field: PostField) -> Bool { omitted.isEmpty || !omitted.contains(field) }
    line.append(#"{"id":"#)
    line.appendDecimal(id)
    line.append(#","date":""#)
    DateText.append(date, to: &line)
    line.append(#"","text":"#)
    line.appendJSONString(text)
    if let edited, has(.edited) {
      line.append(#","edited":""#)
      DateText.append(edited, to: &line)
      line.append("\"")
    }
    if has(.entities) { appendEntities(to: &line) }
    if let views, has(.views) {
      line.append(#","views":"#)
      line.appendDecimal(views)
    }
    if !reactions.isEmpty, has(.reactions) {
      line.append(#","reactions":"#)
      for (index, reaction) in reactions.enumerated() {
        line.append(index == 0 ? "{" : ",")
        line.appendJSONString(reaction.emoji)
        line.append(":")
        line.appendDecimal(reaction.count)
      }
      line.append("}")
    }
    if let name = forwardedFrom, has(.forwardedFrom) {
      line.append(#","forwarded_from":"#)
      line.appendJSONString(name)
    }
    if let id = replyTo, has(.replyTo) {
      line.append(#","reply_to":"#)
      line.appendDecimal(id)
    }
    if let media, has(.media) {
      line.append(#","media":"#)
      line.appendJSONString(media)
    }
    line.append("}")
  }

  private func appendEntities(to line: inout [UInt8]) {
    guard !entities.isEmpty else { return }
    line.append(#","entities":"#)
    for (index, entity) in entities.enumerated() {
      line.append(index == 0 ? #"[{"type":"# : #",{"type":"#)
      line.appendJSONString(entity.type)
      line.append(#","offset":"#)
      line.appendDecimal(entity.offset)
      line.append(#","length":"#)
      line.appendDecimal(entity.length)
      if let url = entity.url {
        line.append(#","url":"#)
        line.appendJSONString(url)
      }
      line.append("}")
    }
    line.append("]")
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends `value` in decimal digits.
  fileprivate mutating func appendDecimal(_ value: Int) {
    if value < 0 { append(UInt8(ascii: "-")) }
    var first = count
    var rest = value.magnitude
    repeat {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    // The last digit came first.
    var last = count - 1
    while first < last {
      swapAt(first, last)
      (first, last) = (first + 1, last - 1)
    }
  }
}
