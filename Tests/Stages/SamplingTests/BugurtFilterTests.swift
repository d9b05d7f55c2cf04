import BytePairEncoding
import Sampling
import Testing
import TextGeneration

@Suite("BugurtFilter")
struct BugurtFilterTests {
  private let tokenizer: Tokenizer
  private let filter: BugurtFilter

  init() throws {
    tokenizer = try SmallTokenizer.make()
    var posts = PostFingerprints()
    posts.insert("ЁЖ ПРИШЁЛ @ УСНУЛ, А ЗРЯ!")
    posts.insert("@")
    filter = BugurtFilter(tokenizer, posts: posts)
  }

  private func flaw(
    _ text: String, _ reason: GeneratedText.FinishReason = .endOfText
  ) throws -> BugurtFilter.Flaw? {
    let tokens = try SmallTokenizer.tokens(text, tokenizer)
    var generated = GeneratedText(
      request: TextRequest(prompt: Prompt(text: "", tokens: [tokens[0]]), index: 0))
    generated.tokens = Array(tokens.dropFirst())
    generated.finishReason = reason
    return filter.flaw(of: generated)
  }

  @Test("two parts and more with words in each are well-formed, if the model ended them")
  func wellFormed() throws {
    #expect(try flaw("КОТ @ ДОМ") == nil)
    #expect(try flaw(" КОТ  @ ДОМ @ ДОМ ") == nil)
    #expect(try flaw("КОТ @ ДОМ", .length) == .unfinished)
    #expect(try flaw("КОТ ДОМ") == .noParts)
    #expect(try flaw("КОТ@ДОМ") == .noParts)
    #expect(try flaw("@ КОТ @ ДОМ") == .emptyPart)
    #expect(try flaw("КОТ @") == .emptyPart)
    #expect(try flaw("КОТ @ @ ДОМ") == .emptyPart)
  }

  @Test("a post of the corpus is a copy, whatever its case, punctuation and spaces")
  func copies() throws {
    #expect(try flaw("ЁЖ ПРИШЁЛ @ УСНУЛ, А ЗРЯ!") == .copy)
    #expect(try flaw("еж пришел @ уснул а зря") == .copy)
    #expect(try flaw("ЁЖ ПРИШЁЛ @ УСНУЛ, А ЗРЯ! НЕТ") == nil)
    #expect(try flaw("! @ ?") == nil)
  }

  @Test("what was dropped is reported by kind")
  func report() {
    #expect(
      BugurtFilter.report([.copy: 2, .noParts: 1]) == "1 without @, 2 copied from the corpus")
  }
}
