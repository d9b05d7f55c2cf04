import FileSupport
import PostFormat

/// Counts the messages of an export, whose ids ascend: those that become posts, those that are left
/// out, and the ids that belong to none.
struct MessageCounter {
  var summary = SourceSummary()

  /// The ids of all messages, posts or not.
  private var ids = IDSet()
  /// How many ids there were before the first post.
  private var idsBeforeFirst = 0

  /// Takes note of a message with this `id`; returns whether it is a new message of the chat, the
  /// kind of which is still to be counted.
  ///
  /// - Throws: `InputError` at `place` of `path` if the id is too late.
  mutating func isNew(_ id: Int?, at place: InputError.Place, of path: String) throws -> Bool {
    guard let id else {
      summary.incomplete += 1
      return false
    }
    guard id >= 0 else {
      summary.formerGroup += 1
      return false
    }
    if let last = ids.last, id <= last {
      guard ids.contains(id) else {
        throw InputError(
          path, place,
          "message \(id) stands behind message \(last), but Telegram Desktop writes ids in "
            + "ascending order; sort the messages by id, or export the chat again")
      }
      summary.duplicates += 1
      return false
    }
    ids.append(id)
    return true
  }

  /// Counts a `post` whose id is new.
  mutating func count(_ post: Post) {
    if summary.first == nil { idsBeforeFirst = ids.count - 1 }
    summary.count(post)
    let idsAfterFirst = post.id - (summary.first?.id ?? post.id)
    summary.missing = idsAfterFirst - (ids.count - idsBeforeFirst - 1)
  }
}
