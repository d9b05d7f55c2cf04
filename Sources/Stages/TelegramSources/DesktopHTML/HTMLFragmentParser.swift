import CLibXML2

/// Takes note of the tags and the text of a piece of HTML.
protocol HTMLFragmentHandler: AnyObject {
  func begin(_ tag: HTMLTag)
  /// Called for each ``begin(_:)``, also where the end of the element is missing.
  func end()
  /// Takes note of text, which is UTF-8; that between two tags may come in several parts.
  func text(_ bytes: UnsafeRawBufferPointer)
}

/// The beginning of an element, valid until the handler returns.
struct HTMLTag {
  fileprivate typealias Text = UnsafePointer<UInt8>

  fileprivate let namePointer: Text
  /// Names and values in turn, then a null pointer.
  fileprivate let attributes: UnsafeMutablePointer<Text?>?

  /// Its name in small letters.
  var name: UnsafeRawBufferPointer { Self.bytes(namePointer) }

  /// The value of an attribute, its character references decoded; `nil` if it is not there.
  func value(of attribute: StaticString) -> UnsafeRawBufferPointer? {
    guard var pair = attributes else { return nil }
    while let name = pair[0] {
      if attribute ~= Self.bytes(name) {
        return pair[1].map(Self.bytes) ?? .init(start: nil, count: 0)
      }
      pair += 2
    }
    return nil
  }

  private static func bytes(_ text: Text) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text, count: Int(xmlStrlen(text)))
  }
}

/// Reads pieces of HTML with libxml2, which mends what is malformed, without building a tree.
///
/// The memory of the parser is taken once for all pieces.
final class HTMLFragmentParser {
  /// How deep elements may be nested; no export comes near it.
  static let deepest = 1000

  private let context: htmlParserCtxtPtr
  private var handler: (any HTMLFragmentHandler)?
  private var depth = 0

  init() {
    xmlInitParser()
    guard let context = htmlNewParserCtxt(), let calls = context.pointee.sax else {
      preconditionFailure("no memory for a parser of HTML")
    }
    self.context = context
    context.pointee.userData = Unmanaged.passUnretained(self).toOpaque()
    // All other calls, those for errors among them, are made to nobody.
    calls.pointee = xmlSAXHandler()
    calls.pointee.startElement = { data, name, attributes in
      guard let parser = HTMLFragmentParser.of(data), let name else { return }
      parser.begin(HTMLTag(namePointer: name, attributes: attributes))
    }
    calls.pointee.endElement = { data, _ in HTMLFragmentParser.of(data)?.end() }
    calls.pointee.characters = { data, text, count in
      HTMLFragmentParser.of(data)?.handler?.text(.init(start: text, count: Int(count)))
    }
    calls.pointee.ignorableWhitespace = calls.pointee.characters
    calls.pointee.cdataBlock = calls.pointee.characters
  }

  deinit {
    htmlFreeParserCtxt(context)
  }

  /// Reads `fragment`, which is UTF-8 without zeros; returns false if it is nested too deep.
  func parse(_ fragment: UnsafeRawBufferPointer, _ handler: any HTMLFragmentHandler) -> Bool {
    guard let count = Int32(exactly: fragment.count) else { return false }
    self.handler = handler
    defer { self.handler = nil }
    depth = 0
    let options =
      HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
      | HTML_PARSE_NONET.rawValue | HTML_PARSE_NOIMPLIED.rawValue
    let document = htmlCtxtReadMemory(
      context, fragment.bindMemory(to: CChar.self).baseAddress, count, nil, "UTF-8",
      Int32(options))
    if let document { xmlFreeDoc(document) }
    return depth <= Self.deepest
  }

  private static func of(_ data: UnsafeMutableRawPointer?) -> HTMLFragmentParser? {
    data.map { Unmanaged<HTMLFragmentParser>.fromOpaque($0).takeUnretainedValue() }
  }

  private func begin(_ tag: HTMLTag) {
    depth += 1
    if depth > Self.deepest { return xmlStopParser(context) }
    handler?.begin(tag)
  }

  private func end() {
    if depth > Self.deepest { return }
    depth -= 1
    handler?.end()
  }
}
