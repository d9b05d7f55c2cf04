import Foundation
import Testing

/// A safetensors file taken apart, to be written again with a tensor less.
struct SafetensorsEditor {
  private let header: [String: [String: Any]]
  private let data: ArraySlice<UInt8>

  /// The names of the tensors, sorted.
  var names: [String] { header.keys.filter { $0 != "__metadata__" }.sorted() }

  init(_ file: [UInt8]) throws {
    let size = file[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let json = try JSONSerialization.jsonObject(with: Data(file[8..<8 + size]))
    header = try #require(json as? [String: [String: Any]])
    data = file[(8 + size)...]
  }

  func bytes(without left: String?) throws -> [UInt8] {
    var entries = header
    var contents: [UInt8] = []
    for name in names {
      if name == left {
        entries[name] = nil
        continue
      }
      let ends = try #require(header[name]?["data_offsets"] as? [Int])
      let start = contents.count
      contents += data[data.startIndex + ends[0]..<data.startIndex + ends[1]]
      entries[name]?["data_offsets"] = [start, contents.count]
    }
    var text = [UInt8](try JSONSerialization.data(withJSONObject: entries))
    text += repeatElement(0x20, count: (8 - text.count % 8) % 8)
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text + contents
  }
}
