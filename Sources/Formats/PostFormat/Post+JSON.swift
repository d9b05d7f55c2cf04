import FileSupport
import JSONSupport

extension Post {
  /// Appends the post as JSON, on one line, to `line`, without the fields `omitted`.
  package func appendJSON(to line: inout [UInt8], omitting omitted: Set<PostField> = []) {
    func has(_ field: PostField) -> Bool { omitted.isEmpty || !omitted.contains(field) }
    line.append(#"{"id":"#, id)
    line.append(#","date":"#, date: date)
    line.append(#","text":"#, text)
    if let edited, has(.edited) { line.append(#","edited":"#, date: edited) }
    if !entities.isEmpty, has(.entities) {
      for (index, entity) in entities.enumerated() {
        line.append(index == 0 ? #","entities":[{"type":"# : #",{"type":"#, entity.type)
        line.append(#","offset":"#, entity.offset)
        line.append(#","length":"#, entity.length)
        if let url = entity.url { line.append(#","url":"#, url) }
        line.append("}")
      }
      line.append("]")
    }
    if let views, has(.views) { line.append(#","views":"#, views) }
    if !reactions.isEmpty, has(.reactions) {
      for (index, reaction) in reactions.enumerated() {
        line.append(index == 0 ? #","reactions":{"# : ",", reaction.emoji)
        line.append(":", reaction.count)
      }
      line.append("}")
    }
    if let name = forwardedFrom, has(.forwardedFrom) { line.append(#","forwarded_from":"#, name) }
    if let id = replyTo, has(.replyTo) { line.append(#","reply_to":"#, id) }
    if let media, has(.media) { line.append(#","media":"#, media) }
    line.append("}")
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  fileprivate mutating func append(_ key: StaticString, _ value: String) {
    append(key)
    appendJSONString(value)
  }

  fileprivate mutating func append(_ key: StaticString, date: Int) {
    append(key)
    append(UInt8(ascii: "\""))
    DateText.append(date, to: &self)
    append(UInt8(ascii: "\""))
  }

  /// Appends `key` and `value` in decimal digits.
  fileprivate mutating func append(_ key: StaticString, _ value: Int) {
    append(key)
    if value < 0 { append(UInt8(ascii: "-")) }
    var first = count
    var rest = value.magnitude
    repeat {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    // The digits were appended from the last to the first; a slice would be reversed in a copy.
    var last = count - 1
    while first < last {
      swapAt(first, last)
      (first, last) = (first + 1, last - 1)
    }
  }
}
