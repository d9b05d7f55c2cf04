import CLibXML2

/// HTML as a tree: a page of the web preview, or a message of an export.
///
/// libxml2 parses it and repairs what is malformed.
final class HTMLDocument {
  /// How deep elements may be nested; no page comes near this depth.
  static let deepest = 1000

  fileprivate let tree: htmlDocPtr
  /// Whether the text is to be read with ``HTMLSource/unescaped(_:)``.
  let hasEscapes: Bool

  /// Parses a page whose UTF-8 is `bytes`; `nil` if its elements are nested deeper than ``deepest``.
  convenience init?(page bytes: [UInt8]) {
    // libxml2 takes a page whose bytes are not UTF-8 for Latin-1, and ends it at a zero byte.
    let text = String(decoding: bytes, as: UTF8.self).replacing("\0", with: "\u{FFFD}")
    self.init(Array(text.utf8), hasEscapes: false, options: 0)
  }

  /// Parses a piece of a page; `nil` if its elements are nested deeper than ``deepest``.
  convenience init?(_ source: HTMLSource) {
    self.init(
      source.bytes, hasEscapes: source.hasEscapes, options: HTML_PARSE_NOIMPLIED.rawValue)
  }

  private init?(_ bytes: [UInt8], hasEscapes: Bool, options: UInt32) {
    guard Self.isSetUp, let context = htmlNewParserCtxt(), let calls = context.pointee.sax else {
      return nil
    }
    defer { htmlFreeParserCtxt(context) }
    calls.pointee.startElement = { data, name, attributes in
      let context = data?.assumingMemoryBound(to: htmlParserCtxt.self)
      if let context, context.pointee.nameNr > HTMLDocument.deepest {
        xmlStopParser(context)
      } else {
        xmlSAX2StartElement(data, name, attributes)
      }
    }
    // Without this option libxml2 has limits of its own: 256 for the depth, 10 MB for a text.
    context.pointee.options |= Int32(XML_PARSE_HUGE.rawValue)
    let options =
      options | HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue
      | HTML_PARSE_NOWARNING.rawValue | HTML_PARSE_NONET.rawValue | HTML_PARSE_NODEFDTD.rawValue
    let tree = bytes.withUnsafeBytes {
      htmlCtxtReadMemory(
        context, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: $0.count),
        nil,
        "UTF-8", Int32(options))
    }
    guard let tree else { return nil }
    self.tree = tree
    self.hasEscapes = hasEscapes
    // A parser that was stopped returns what came before.
    guard context.pointee.disableSAX == 0 else { return nil }
  }

  deinit {
    xmlFreeDoc(tree)
  }

  private static let isSetUp: Bool = {
    xmlInitParser()
    return true
  }()

  /// The outermost element; `nil` if there is none.
  ///
  /// That of a piece of a page also holds the elements that follow it.
  var root: HTMLElement? {
    xmlDocGetRootElement(tree).map { HTMLElement(node: $0, document: self) }
  }
}

/// A part of an ``HTMLDocument``.
enum HTMLNode {
  /// A text with its escapes, as ``HTMLSource`` inserted them.
  case text(String)
  case element(HTMLElement)
}

/// An element of an ``HTMLDocument``.
struct HTMLElement {
  fileprivate let node: xmlNodePtr
  /// Owns `node`.
  let document: HTMLDocument

  /// The name of its tag in lower case, such as `div`.
  var name: String { node.pointee.name.map { String(cString: $0) } ?? "" }

  /// The value of an attribute, its character references decoded; `nil` if it is absent.
  subscript(attribute: String) -> String? {
    guard let found = xmlHasProp(node, attribute) else { return nil }
    var value = ""
    var next = found.pointee.children
    while let child = next?.pointee {
      if let text = child.content { value += String(cString: text) }
      next = child.next
    }
    return document.hasEscapes ? HTMLSource.unescaped(value) : value
  }

  /// The words of its `class`.
  var classes: [Substring] {
    self["class"]?.utf8.split { $0 <= 0x20 }.map(Substring.init) ?? []
  }

  func has(class word: Substring) -> Bool {
    classes.contains(word)
  }

  var children: some Sequence<HTMLNode> {
    nodes.lazy.compactMap { [document] node -> HTMLNode? in
      switch node.pointee.type {
      case XML_TEXT_NODE, XML_CDATA_SECTION_NODE:
        node.pointee.content.map { .text(String(cString: $0)) }
      case XML_ELEMENT_NODE: .element(HTMLElement(node: node, document: document))
      default: nil
      }
    }
  }

  var elements: some Sequence<HTMLElement> {
    nodes.lazy.filter { $0.pointee.type == XML_ELEMENT_NODE }
      .map { [document] in HTMLElement(node: $0, document: document) }
  }

  private var nodes: some Sequence<xmlNodePtr> {
    sequence(state: node.pointee.children) { next in
      defer { next = next?.pointee.next }
      return next
    }
  }

  /// Its text and that of all elements in it.
  var text: String {
    var text = ""
    for child in children {
      switch child {
      case .text(let part): text += document.hasEscapes ? HTMLSource.unescaped(part) : part
      case .element(let element): text += element.text
      }
    }
    return text
  }

  /// Its text without that of the elements in it, white space at its ends removed.
  var ownText: String {
    var text = ""
    for case .text(let part) in children { text += part }
    return text.trimmed
  }

  /// The first element in this one for which `condition` holds, in the order of the page.
  func first(where condition: (HTMLElement) -> Bool) -> HTMLElement? {
    for element in elements {
      if condition(element) { return element }
      if let found = element.first(where: condition) { return found }
    }
    return nil
  }

  /// The first element in this one that has the class `word`.
  func first(class word: Substring) -> HTMLElement? {
    first { $0.has(class: word) }
  }

  /// All elements in this one that have the class `word`, except those within another such element.
  func all(class word: Substring) -> [HTMLElement] {
    elements.flatMap { $0.has(class: word) ? [$0] : $0.all(class: word) }
  }
}

extension StringProtocol {
  /// The text without white space, including no-break spaces, at its ends.
  var trimmed: String {
    let head = drop(while: \.isWhitespace)
    return String(head.reversed().drop(while: \.isWhitespace).reversed())
  }
}
