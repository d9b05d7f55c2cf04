import Sampling
import Testing

@Suite("EventOrder")
struct EventOrderTests {
  private func text(_ index: Int) -> TextGenerator.Event {
    .text(GeneratedText(request: TextRequest(prompt: [1], number: index)), index: index)
  }

  private func names(_ events: [TextGenerator.Event]) -> [String] {
    events.map {
      switch $0 {
      case .token(let token, let index): "\(index):\(token)"
      case .text(_, let index): "\(index) ends"
      }
    }
  }

  @Test("the first unfinished text passes, those behind it wait for their turn")
  func order() {
    var order = EventOrder()
    #expect(names(order.take(.token(7, index: 0))) == ["0:7"])
    #expect(names(order.take(.token(8, index: 1))) == [])
    #expect(names(order.take(.token(9, index: 2))) == [])
    #expect(names(order.take(text(2))) == [])
    #expect(names(order.take(text(0))) == ["0 ends", "1:8"])
    #expect(names(order.take(.token(5, index: 1))) == ["1:5"])
    #expect(names(order.take(.token(6, index: 3))) == [])
    #expect(names(order.take(text(1))) == ["1 ends", "2:9", "2 ends", "3:6"])
    #expect(names(order.take(text(3))) == ["3 ends"])
  }

  @Test("a text without tokens is passed on")
  func empty() {
    var order = EventOrder()
    #expect(names(order.take(text(1))) == [])
    #expect(names(order.take(text(0))) == ["0 ends", "1 ends"])
  }
}
