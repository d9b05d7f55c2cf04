import CLibXML2

/// An element of an HTML page.
struct HTMLElement {
  /// The name of its tag in small letters, such as `div`.
  var name: String
  /// Its attributes, their character references decoded.
  var attributes: [String: String] = [:]
  var children: [HTMLNode] = []

  /// The words of its `class`.
  var classes: [Substring] {
    attributes["class"]?.split { $0 == " " || $0 == "\n" || $0 == "\t" } ?? []
  }

  func has(class word: String) -> Bool {
    guard let text = attributes["class"] else { return false }
    return text == word || classes.contains { $0 == word }
  }

  /// Its text and that of all elements in it.
  var text: String {
    var text = ""
    appendText(to: &text)
    return text
  }

  private func appendText(to text: inout String) {
    for child in children {
      switch child {
      case .text(let part): text += part
      case .element(let element): element.appendText(to: &text)
      }
    }
  }

  /// Its text without what is in elements, white space at its ends removed.
  var ownText: String {
    var text = ""
    for case .text(let part) in children { text += part }
    return text.trimmed
  }

  var elements: some Sequence<HTMLElement> {
    children.lazy.compactMap { if case .element(let element) = $0 { element } else { nil } }
  }

  /// Calls `body` with each element in this one, outer ones first, in the order of the page; `body`
  /// tells whether those within the element are wanted too.
  func visit(_ body: (HTMLElement) -> Bool) {
    for element in elements where body(element) { element.visit(body) }
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
  func first(class word: String) -> HTMLElement? {
    first { $0.has(class: word) }
  }

  /// All elements in this one that have the class `word`, none that stand within another.
  func all(class word: String) -> [HTMLElement] {
    var found: [HTMLElement] = []
    visit { element in
      guard element.has(class: word) else { return true }
      found.append(element)
      return false
    }
    return found
  }
}

/// A part of an HTML page.
enum HTMLNode {
  case text(String)
  case element(HTMLElement)
}

extension StringProtocol {
  /// The text without white space at its ends, the no-break space included.
  var trimmed: String {
    let head = drop(while: \.isWhitespace)
    return String(head.reversed().drop(while: \.isWhitespace).reversed())
  }
}

// MARK: - Parsing

/// Reads HTML with libxml2, which mends what is malformed.
enum HTMLParser {
  /// How deep elements may be nested.
  static let deepest = 256

  /// The root of the page whose UTF-8 is `bytes`; `nil` if there is no element in it, if elements are
  /// nested deeper than ``deepest``, or if a text is longer than libxml2 reads (10 MB).
  static func root(of bytes: [UInt8]) -> HTMLElement? {
    // libxml2 takes a page whose bytes are not UTF-8 for Latin-1, and ends it at a zero.
    var text = String(decoding: bytes, as: UTF8.self).replacing("\0", with: "\u{FFFD}")
    guard isSetUp, let context = htmlNewParserCtxt() else { return nil }
    defer { htmlFreeParserCtxt(context) }
    let options =
      HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue
      | HTML_PARSE_NOWARNING.rawValue | HTML_PARSE_NONET.rawValue
    let document = text.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) {
        htmlCtxtReadMemory(
          context, $0.baseAddress, Int32(clamping: $0.count), nil, "UTF-8", Int32(options))
      }
    }
    guard let document else { return nil }
    defer { xmlFreeDoc(document) }
    // At a limit of its own the parser gives up and returns what came before.
    guard context.pointee.disableSAX == 0 else { return nil }
    guard let root = xmlDocGetRootElement(document) else { return nil }
    return element(root.pointee, depth: 1)
  }

  private static let isSetUp: Bool = {
    xmlInitParser()
    return true
  }()

  private static func element(_ node: xmlNode, depth: Int) -> HTMLElement? {
    guard depth <= deepest else { return nil }
    var element = HTMLElement(name: node.name.map { String(cString: $0) } ?? "")
    var attribute = node.properties
    while let current = attribute?.pointee {
      if let name = current.name {
        element.attributes[String(cString: name)] = content(of: current.children)
      }
      attribute = current.next
    }
    var next = node.children
    while let child = next?.pointee {
      switch child.type {
      case XML_TEXT_NODE, XML_CDATA_SECTION_NODE:
        if let text = child.content { element.children.append(.text(String(cString: text))) }
      case XML_ELEMENT_NODE:
        guard let inner = Self.element(child, depth: depth + 1) else { return nil }
        element.children.append(.element(inner))
      default: break
      }
      next = child.next
    }
    return element
  }

  /// The value of an attribute: the texts that are its `children`.
  private static func content(of children: UnsafeMutablePointer<xmlNode>?) -> String {
    var value = ""
    var next = children
    while let child = next?.pointee {
      if let text = child.content { value += String(cString: text) }
      next = child.next
    }
    return value
  }
}
