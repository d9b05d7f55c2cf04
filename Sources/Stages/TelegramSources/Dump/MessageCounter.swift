import FileSupport
import PostFormat

/// What a message of an export is.
enum MessageKind: String, CaseIterable {
  case message, service, unsupported, unknown
}

/// A message of an export, which may become a post.
protocol ExportMessage: ~Copyable {
  var id: Int? { get }
  var kind: MessageKind { get }
  /// The unknown kinds among the parts of a rich message.
  var unknownKinds: Set<String> { get }
  /// Whether the export holds only the first part of a rich message.
  var isPartial: Bool { get }
  /// Whether half a surrogate pair was replaced in the content of the post.
  var isRepaired: Bool { get }
  /// Whether the date has no zone, and the user gave none.
  var isZoneless: Bool { get }

  /// The post that the message becomes; `nil` if it lacks an id or a date.
  mutating func makePost() throws -> Post?
}

extension ExportMessage where Self: ~Copyable {
  var isRepaired: Bool { false }
}

/// Turns the messages of an export, whose ids ascend, into posts, and counts what is left out.
struct MessageCounter {
  var summary = SourceSummary()

  /// The ids of all messages, posts or not, as ranges, and how many there are.
  private var ids: [ClosedRange<Int>] = []
  private var idCount = 0
  /// How many ids came before the first post.
  private var idsBeforeFirst = 0

  /// Counts `message`, which begins at the byte `offset` of the file `path`, and returns the post
  /// that it becomes, if any.
  ///
  /// - Throws: `InputError` if the id is out of order; what ``ExportMessage/makePost()`` throws.
  mutating func post<Message: ExportMessage & ~Copyable>(
    of message: inout Message, at offset: Int, of path: String
  ) throws -> Post? {
    guard try isNew(message.id, at: offset, of: path) else { return nil }
    switch message.kind {
    case .service:
      summary.service += 1
      return nil
    case .unsupported:
      summary.unsupported += 1
      return nil
    case .unknown, .message: break
    }
    guard let post = try message.makePost() else {
      summary.incomplete += 1
      return nil
    }
    if summary.first == nil { idsBeforeFirst = idCount - 1 }
    summary.count(post)
    let idsAfterFirst = post.id - (summary.first?.id ?? post.id)
    summary.missing = idsAfterFirst - (idCount - idsBeforeFirst - 1)
    summary.richMessages.count(message.unknownKinds, isPartial: message.isPartial)
    if message.isRepaired { summary.repaired += 1 }
    if message.isZoneless { summary.zoneless += 1 }
    if message.kind == .unknown { summary.unknownTypes += 1 }
    return post
  }

  /// Whether a message with this `id` is a new message of the chat; other messages are counted.
  private mutating func isNew(_ id: Int?, at offset: Int, of path: String) throws -> Bool {
    guard let id else {
      summary.incomplete += 1
      return false
    }
    guard id >= 0 else {
      summary.formerGroup += 1
      return false
    }
    if let last = ids.last?.upperBound, id <= last {
      guard isKnown(id) else {
        throw InputError(
          path, .byte(offset),
          "message \(id) follows message \(last), but ids must ascend; sort the messages by id, or "
            + "export the chat again")
      }
      summary.duplicates += 1
      return false
    }
    if let range = ids.last, id - 1 == range.upperBound {
      ids[ids.count - 1] = range.lowerBound...id
    } else {
      ids.append(id...id)
    }
    idCount += 1
    return true
  }

  /// Whether a message with this `id` came earlier.
  private func isKnown(_ id: Int) -> Bool {
    let index = ids.partitioningIndex { $0.upperBound >= id }
    return index < ids.count && ids[index].contains(id)
  }
}
