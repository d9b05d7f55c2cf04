import HTTPSupport
import Testing

@Suite("WebAddress")
struct WebAddressTests {
  @Test(
    "is a server, without a slash at its end",
    arguments: [
      ("https://t.me", "https://t.me"), ("https://t.me/", "https://t.me"),
      ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://[::1]:80/", "http://[::1]:80"),
      ("HTTP://host/path/", "HTTP://host/path"),
    ])
  func servers(_ text: String, _ address: String) {
    #expect(WebAddress(text)?.text == address)
  }

  @Test(
    "is nothing else",
    arguments: [
      "", "t.me", "ftp://t.me", "https://", "https:///x", "http://a b", "http://t.me/?q=1",
      "file:///etc/passwd", "http://user:secret@host", "https://t.me/\n",
    ])
  func others(_ text: String) {
    #expect(WebAddress(text) == nil)
  }
}
